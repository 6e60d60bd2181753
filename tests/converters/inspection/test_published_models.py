"""Models whose operations are counted in their papers, where ``EDGEML_LATENCY_MODELS`` has them."""

from pathlib import Path

import pytest

from edgeml_converters.inspection import inspect_model


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize(
    ("name", "million_macs"),
    [
        ("mobilenet_v1_224", 569),  # https://arxiv.org/abs/1704.04861, table 8
        ("mobilenet_v2_224", 300),  # https://arxiv.org/abs/1801.04381, table 4
    ],
)
def test_macs_are_those_of_the_paper(
    latency_models_folder: str, name: str, million_macs: int, precision: str
) -> None:
    path = Path(latency_models_folder) / "models" / f"{name}_{precision}.tflite"
    document = inspect_model(path).to_json()
    assert document["macs"] == pytest.approx(million_macs * 1e6, rel=0.005)
