"""Labelled samples for calibration, scoring and parity, streamed from DATA or made up.

One module a form of DATA (class folders, ``labels.csv``, ``.npz``, ``module:callable``) and one
table of them in ``forms``. Knows the model's input shapes; must not know engines or quantization.
"""

from edgeml_converters.data.dataset import Dataset, Sample
from edgeml_converters.data.forms import FORMS, open_data
from edgeml_converters.data.source import RawSample, Source
from edgeml_converters.data.synthetic import synthetic_data

__all__ = ["FORMS", "Dataset", "RawSample", "Sample", "Source", "open_data", "synthetic_data"]
