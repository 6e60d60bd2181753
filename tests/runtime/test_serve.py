"""The HTTP server of the board: answers, refusals and limits, over real sockets."""

import http.client
import io
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.serve import Limits, Server
from edgeml_runtime.session import Model, load
from edgeml_runtime.tasks import Result

BundleMaker = Callable[..., Path]
Reply = tuple[int, dict[str, str], bytes]
IMAGE = np.random.default_rng(5).random((3, 8, 8)).astype(np.float32)


@pytest.fixture
def model(make_bundle: BundleMaker) -> Model:
    """Return the small classifier, loaded."""
    return load(make_bundle("classifier"))


@contextmanager
def running(model: Any, limits: Optional[Limits] = None) -> Iterator[Server]:  # noqa: ANN401 - or one that waits
    """Serve *model* on a free port while the block runs."""
    server = Server(model, port=0, limits=limits)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(timeout=20)
        assert not thread.is_alive()


def connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=20)


def ask(
    server: Server,
    method: str,
    path: str,
    body: Optional[bytes] = None,
    kind: str = "application/x-npy",
) -> Reply:
    with closing(connect(server)) as connection:
        connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


class Waiting:
    """A model that answers when it is told to: what a slow board looks like."""

    def __init__(self, model: Model) -> None:
        self.manifest, self.variant, self.engine = model.manifest, model.variant, model.engine
        self.model, self.identity = model, model.identity
        self.go_on = threading.Event()
        self.calls = 0

    def __call__(self, sample: np.ndarray) -> Result:
        self.calls += 1
        assert self.go_on.wait(20)
        return self.model(sample)


def test_a_prediction_is_what_the_model_answers(model: Model) -> None:
    with running(model) as server:
        status, headers, body = ask(server, "POST", "/predict", npy(IMAGE))
    document = json.loads(body)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert document["schema"] == "edgeml.prediction/1"
    assert document["bundle"] == {"name": "classifier", "version": "1.0"}
    assert document["prediction"] == model(IMAGE).to_json()
    assert document["latency_ms"] > 0


def test_json_numbers_are_a_sample_too(model: Model) -> None:
    with running(model) as server:
        body = json.dumps({"inputs": IMAGE.tolist()}).encode()
        status, _, answer = ask(server, "POST", "/predict", body, "application/json")
    assert status == 200
    assert json.loads(answer)["prediction"] == model(IMAGE).to_json()


def test_one_connection_serves_many_requests(model: Model) -> None:
    with running(model) as server:
        connection = connect(server)
        for _ in range(3):
            connection.request(
                "POST", "/predict", npy(IMAGE), {"Content-Type": "application/x-npy"}
            )
            response = connection.getresponse()
            assert (response.status, response.will_close) == (200, False)
            response.read()
        connection.close()


def test_health_and_metrics(model: Model) -> None:
    with running(model) as server:
        ask(server, "POST", "/predict", npy(IMAGE))
        status, _, body = ask(server, "GET", "/healthz")
        assert (status, json.loads(body)["status"]) == (200, "ok")
        status, headers, body = ask(server, "GET", "/metrics")
        assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4")
        assert b"edgeml_" in body


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status", "problem"),
    [
        ("GET", "/", None, "", 404, "There is no /"),
        ("GET", "/predict", None, "", 404, "There is no /predict"),
        ("POST", "/healthz", b"x", "text/plain", 404, "There is no /healthz"),
        ("PUT", "/predict", b"x", "text/plain", 501, ""),
        ("POST", "/predict", b"x", "text/plain", 415, "'text/plain' cannot be read"),
        ("POST", "/predict", b"x", "application/x-npy", 400, "no readable array"),
        ("POST", "/predict", b"{", "application/json", 400, "not valid JSON"),
        ("POST", "/predict", b"[1]", "application/json", 400, "must be a table"),
        ("POST", "/predict", b'{"inputs": ["a"]}', "application/json", 400, "no array of numbers"),
        (
            "POST",
            "/predict",
            b'{"inputs": [[1], 2]}',
            "application/json",
            400,
            "no array of numbers",
        ),
        ("POST", "/predict", b'{"inputs": [1]}', "application/json", 400, "shape"),
        ("POST", "/predict", npy(IMAGE[:2]), "application/x-npy", 400, "shape"),
        ("POST", "/predict", bytes(5000), "application/x-npy", 413, "has 5000 bytes"),
    ],
)
def test_what_cannot_be_answered_is_said(
    model: Model,
    method: str,
    path: str,
    body: Optional[bytes],
    kind: str,
    status: int,
    problem: str,
) -> None:
    with running(model, Limits(body_bytes=4000)) as server:
        found, _, answer = ask(server, method, path, body, kind)
        assert found == status
        if problem:
            document = json.loads(answer)
            assert document["schema"] == "edgeml.error/1"
            assert problem in document["problem"]
            assert document["remedy"]
        assert ask(server, "POST", "/predict", npy(IMAGE))[0] == 200  # and goes on


def test_a_request_without_length_is_refused(model: Model) -> None:
    with running(model) as server:
        connection = connect(server)
        connection.request("POST", "/predict", iter([b"ab"]), {"Content-Type": "image/png"})
        assert connection.getresponse().status == 411
        connection.close()


def test_a_full_queue_refuses_at_once_and_recovers(model: Model) -> None:
    slow = Waiting(model)
    with running(slow, Limits(queue=2)) as server:
        replies: list[Reply] = []
        threads = [
            threading.Thread(
                target=lambda: replies.append(ask(server, "POST", "/predict", npy(IMAGE)))
            )
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        deadline_s = time.monotonic() + 10
        while slow.calls == 0 or server.taken < 2:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        status, headers, body = ask(server, "POST", "/predict", npy(IMAGE))
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "queue is full" in json.loads(body)["problem"]
        assert ask(server, "GET", "/healthz")[0] == 200  # is answered although the queue is full
        slow.go_on.set()
        for thread in threads:
            thread.join()
        assert [reply[0] for reply in replies] == [200, 200]
        assert ask(server, "POST", "/predict", npy(IMAGE))[0] == 200


def test_an_answer_that_takes_too_long_is_given_up(model: Model) -> None:
    slow = Waiting(model)
    with running(slow, Limits(queue=1, timeout_s=0.5)) as server:
        assert ask(server, "POST", "/predict", npy(IMAGE))[0] == 504
        assert ask(server, "POST", "/predict", npy(IMAGE))[0] == 504
        slow.go_on.set()
        deadline_s = time.monotonic() + 10
        while ask(server, "POST", "/predict", npy(IMAGE))[0] != 200:
            assert time.monotonic() < deadline_s
        assert slow.calls == 2  # the one that nobody waited for was not run


def test_slow_and_broken_clients_hold_nothing(model: Model) -> None:
    head = (
        b"POST /predict HTTP/1.1\r\nContent-Type: application/x-npy\r\nContent-Length: 900\r\n\r\n"
    )
    with running(model, Limits(queue=1, timeout_s=0.5)) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        for sent in (b"", b"POST /pre", head, b"\x16\x03\x01" * 30 + b"\r\n"):
            with socket.create_connection((host, int(port)), timeout=10) as client:
                client.sendall(sent)
                while client.recv(4096):  # until the server ends it
                    pass
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(head + b"abc")  # and goes away
        deadline_s = time.monotonic() + 10
        while ask(server, "POST", "/predict", npy(IMAGE))[0] != 200:  # until that is noticed
            assert time.monotonic() < deadline_s


def test_more_connections_than_the_limit_are_closed(model: Model) -> None:
    with running(model, Limits(queue=1)) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        clients = [socket.create_connection((host, int(port)), timeout=10) for _ in range(40)]
        assert clients[-1].recv(1) == b""
        for client in clients:
            client.close()
        deadline_s = time.monotonic() + 10
        while True:
            try:
                assert ask(server, "GET", "/healthz")[0] == 200
                break
            except (OSError, http.client.HTTPException):
                assert time.monotonic() < deadline_s


def test_an_address_that_is_taken_is_refused(model: Model) -> None:
    with running(model) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(InputError, match="cannot be listened on"):
            Server(model, port=port)
    with pytest.raises(InputError, match="not above 0"):
        Server(model, port=0, limits=Limits(queue=0))


def test_the_command_serves_until_it_is_terminated(make_bundle: BundleMaker) -> None:
    command = [sys.executable, "-m", "edgeml_runtime", "serve", str(make_bundle("classifier"))]
    process = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    address = line.split()[-1].removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("POST", "/predict", npy(IMAGE), {"Content-Type": "application/x-npy"})
    assert connection.getresponse().status == 200  # and the connection stays open
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    process.stdout.close()
    connection.close()
