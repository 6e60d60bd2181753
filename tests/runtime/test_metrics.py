"""Metrics as Prometheus reads them, and what the board tells."""

import json
import math
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeml_runtime
from edgeml_runtime.errors import InputError
from edgeml_runtime.metrics import CONTENT_TYPE, Metrics
from edgeml_runtime.session import Model
from edgeml_runtime.tasks.vectors import Classification

BundleMaker = Callable[..., Path]
Figures = "dict[tuple[str, tuple[tuple[str, str], ...]], float]"

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)')
_LINE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")


def parsed(text: str) -> "dict[tuple[str, tuple[tuple[str, str], ...]], float]":
    """Return the figures of a text of format 0.0.4, read strictly: families whole and typed."""
    assert text.endswith("\n")
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    family, kind, seen = "", "", set()
    for line in text[:-1].split("\n"):
        head = re.fullmatch(rf"# TYPE ({_NAME}) (counter|gauge|histogram)", line)
        if head is not None:
            family, kind = head[1], head[2]
            assert family not in seen, f"{family} stands twice"
            seen.add(family)
            assert (kind == "counter") == family.endswith("_total")
            continue
        figure = _LINE.fullmatch(line)
        assert figure is not None, line
        name, labels, value = figure.groups()
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        assert name in [family + suffix for suffix in suffixes], line
        pairs = tuple(_PAIR.findall(labels or ""))
        assert _PAIR.sub("", labels or "") == "", line
        assert len({key for key, _ in pairs}) == len(pairs)
        assert (name, pairs) not in found, line
        found[name, pairs] = float(value)
    return found


@pytest.fixture
def model(make_bundle: BundleMaker) -> Model:
    return edgeml_runtime.load(make_bundle("classifier"))


def _answer(label: str) -> Classification:
    return Classification(label, 0, 0.9, ((label, 0, 0.9),))


def test_what_was_observed_is_in_the_text(model: Model) -> None:
    metrics = Metrics(model)
    for latency_s in (0.0004, 0.003, 0.003, 0.07, 30.0):
        metrics.observe(latency_s, None, _answer("bee"))
    metrics.observe(0.3, None, _answer("ant"))
    metrics.count("dropped", 3)
    metrics.count("errors")
    found = parsed(metrics.prometheus())
    latency = {
        float(labels[0][1]): value
        for (name, labels), value in found.items()
        if name == "edgeml_latency_seconds_bucket"
    }
    assert latency[0.0005] == 1
    assert latency[0.002] == 1
    assert latency[0.005] == 3
    assert latency[0.1] == 4
    assert latency[10.0] == 5
    assert latency[math.inf] == found["edgeml_latency_seconds_count", ()] == 6
    assert list(latency.values()) == sorted(latency.values())
    assert found["edgeml_latency_seconds_sum", ()] == pytest.approx(30.3764)
    assert found["edgeml_predictions_total", (("label", "bee"),)] == 5
    assert found["edgeml_predictions_total", (("label", "ant"),)] == 1
    assert found["edgeml_dropped_total", ()] == 3
    assert found["edgeml_errors_total", ()] == 1
    assert found["edgeml_reconnects_total", ()] == 0
    ((info, labels),) = [key for key in found if key[0] == "edgeml_info"]
    assert dict(labels)["bundle"] == "classifier"
    assert dict(labels)["variant"] == model.variant.id
    assert found["process_resident_memory_bytes", ()] > 1e7
    assert info


def test_labels_are_escaped_and_their_number_is_bounded(model: Model) -> None:
    metrics = Metrics(model)
    odd = 'a "b"\\c\nd{}'
    metrics.observe(0.1, None, _answer(odd))
    for index in range(1000):
        metrics.observe(0.1, None, _answer(f"class {index}"))
    found = parsed(metrics.prometheus())
    counts = {
        dict(labels)["label"]: value
        for (name, labels), value in found.items()
        if name == "edgeml_predictions_total"
    }
    assert counts[r"a \"b\"\\c\nd{}"] == 1
    assert len(counts) == 65
    assert counts["(other)"] == 1001 - 64


def test_results_without_labels_are_counted_as_frames(make_bundle: BundleMaker) -> None:
    pool = edgeml_runtime.load(make_bundle("pool"))
    metrics = Metrics(pool)
    with pool.stream(np.zeros((3, 3, 4, 6), np.float32), metrics=metrics) as stream:
        assert len(list(stream)) == 3
    found = parsed(metrics.prometheus())
    assert found["edgeml_latency_seconds_count", ()] == 3
    assert not [name for name, _ in found if "predictions" in name]


def test_a_stream_counts_into_its_metrics(model: Model) -> None:
    images: list[Any] = [np.zeros((3, 8, 8), np.float32), None, np.ones((3, 8, 8), np.float32)]
    metrics = Metrics(model)
    stream = model.stream(images, metrics=metrics)
    labels = [answer.result.to_json()["label"] for answer in stream]
    found = parsed(metrics.prometheus())
    assert found["edgeml_errors_total", ()] == 1
    assert found["edgeml_latency_seconds_count", ()] == 2
    for label in labels:
        assert found["edgeml_predictions_total", (("label", label),)] == labels.count(label)


def test_cpu_is_of_the_time_since_the_last_look(model: Model) -> None:
    metrics = Metrics(model)
    metrics.prometheus()
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    busy = parsed(metrics.prometheus())["edgeml_cpu_percent", ()]
    time.sleep(0.3)
    idle = parsed(metrics.prometheus())["edgeml_cpu_percent", ()]
    assert idle < busy


def test_the_file_is_whole_and_written_again_at_the_end(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "edgeml.prom"
    with Metrics(model, path=path, every_s=3600) as metrics:
        assert parsed(path.read_text("utf-8"))["edgeml_latency_seconds_count", ()] == 0
        metrics.observe(0.1, None, _answer("bee"))
    assert parsed(path.read_text("utf-8"))["edgeml_latency_seconds_count", ()] == 1
    assert list(tmp_path.glob("*.prom*")) == [path]
    with Metrics(model, path=path, every_s=0.01) as metrics:
        metrics.observe(0.1, None, _answer("bee"))
        metrics.observe(0.1, None, _answer("bee"))
        counts = {  # never half of it, however often it is read
            parsed(path.read_text("utf-8"))["edgeml_latency_seconds_count", ()] for _ in range(200)
        }
    assert counts <= {0, 1, 2}
    with pytest.raises(InputError, match="No such file"):
        Metrics(model, path=tmp_path / "missing" / "edgeml.prom")


def test_the_page_is_served_on_this_machine(model: Model) -> None:
    before = threading.active_count()
    with Metrics(model, port=0) as metrics:
        metrics.observe(0.1, None, _answer("bee"))
        address = f"http://127.0.0.1:{metrics.port}"
        with urllib.request.urlopen(f"{address}/metrics") as page:  # noqa: S310 - the one above
            assert page.headers["Content-Type"] == CONTENT_TYPE
            found = parsed(page.read().decode("utf-8"))
        assert found["edgeml_latency_seconds_count", ()] == 1
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(f"{address}/other")  # noqa: S310 - the one above
        refused.value.close()
        with pytest.raises(InputError, match="Choose another port"):
            Metrics(model, port=metrics.port)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{address}/metrics", timeout=2)  # noqa: S310 - the one above
    assert threading.active_count() == before


def test_the_board_s_sensors(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a Raspberry Pi lays them out; the second zone cannot be read, as happens."""
    monkeypatch.setattr("edgeml_runtime.metrics._SYS", tmp_path)
    texts = {
        "class/thermal/thermal_zone0/temp": "48312\n",
        "class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "class/thermal/thermal_zone1/type": "broken\n",
        "devices/platform/soc/soc:firmware/get_throttled": "50005\n",
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000\n",
        "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1800000\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = parsed(Metrics(model).prometheus())
    zones = {labels: value for (name, labels), value in found.items() if "celsius" in name}
    assert zones == {(("zone", "thermal_zone0"), ("type", "cpu-thermal")): 48.312}
    now = {
        labels[0][1]: value for (name, labels), value in found.items() if name == "edgeml_throttled"
    }
    assert now == {
        "under_voltage": 1,
        "frequency_capped": 0,
        "throttled": 1,
        "soft_temperature_limit": 0,
    }
    assert found["edgeml_throttled_since_boot", (("reason", "throttled"),)] == 1
    assert found["edgeml_throttled_since_boot", (("reason", "soft_temperature_limit"),)] == 0
    assert found["edgeml_scaling_cur_freq_hertz", ()] == 6e8
    assert found["edgeml_cpuinfo_max_freq_hertz", ()] == 1.8e9


def test_many_threads_lose_nothing(model: Model) -> None:
    metrics = Metrics(model)

    def work() -> None:
        for _ in range(500):
            metrics.observe(0.001, None, _answer("bee"))
            metrics.count("dropped")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = parsed(metrics.prometheus())
    assert found["edgeml_latency_seconds_count", ()] == 2000
    assert found["edgeml_dropped_total", ()] == 2000
    assert json.dumps(found["edgeml_predictions_total", (("label", "bee"),)]) == "2000.0"
