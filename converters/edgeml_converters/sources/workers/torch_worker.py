"""The worker of PyTorch; see ``foreign/worker.py`` for how it is called.

It runs in an interpreter that has torch and where edgeml is not installed.
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from worker_frames import (  # type: ignore[import-not-found]  # found by the line above
    Answer,
    Options,
    main,
)


def export(spec: str, folder: Path, options: Options) -> dict[str, Any]:
    """Write ``model.onnx`` and return the record."""
    import torch  # noqa: PLC0415 - only after stdout was taken away from what libraries print
    from torch_export import export_model  # type: ignore[import-not-found]  # noqa: PLC0415 - as above
    from torch_model import open_model  # type: ignore[import-not-found]  # noqa: PLC0415 - as above

    record = export_model(spec, open_model(spec, options), folder / "model.onnx")
    return {"framework": f"torch {torch.__version__}", **record}


def serve(spec: str, options: Options) -> Answer:
    """Return the model as what answers requests."""
    from torch_model import open_model  # noqa: PLC0415 - as above

    answer: Answer = open_model(spec, options).run
    return answer


if __name__ == "__main__":
    sys.exit(main(export, serve))
