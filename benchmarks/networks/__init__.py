"""Published architectures with seeded weights, to time what others have timed on real boards.

Latency does not depend on the values of weights, so these networks are built where they are needed
and committed nowhere. Knows their public definitions and our converter; must not know boards or
published figures.
"""

from benchmarks.networks.catalog import NETWORKS
from benchmarks.networks.network import Network
from benchmarks.networks.tflite_files import PRECISIONS, tflite_file

__all__ = ["NETWORKS", "PRECISIONS", "Network", "tflite_file"]
