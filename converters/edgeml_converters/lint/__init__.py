"""Whether samples are prepared as the network wants them: range, channel order, content.

``InputCheck`` watches the data of a conversion and says in whole sentences what looks wrong. Limits
are in ``thresholds.toml``. Statistics are gathered apart from the judgement of them.
"""

from edgeml_converters.lint.expectations import made_up_samples
from edgeml_converters.lint.input_check import InputCheck
from edgeml_converters.lint.network_check import NetworkCheck
from edgeml_converters.lint.sample_statistics import SampleStatistics, WatchedData

__all__ = ["InputCheck", "NetworkCheck", "SampleStatistics", "WatchedData", "made_up_samples"]
