"""All networks by name; to add a family, add its file and its line."""

from collections.abc import Mapping

from benchmarks.networks import efficientnet_lite, mobilenet_v1, mobilenet_v2, resnet50
from benchmarks.networks.network import Network

_FAMILIES = (
    mobilenet_v1.NETWORKS,
    mobilenet_v2.NETWORKS,
    efficientnet_lite.NETWORKS,
    resnet50.NETWORKS,
)

NETWORKS: Mapping[str, Network] = {
    network.name: network for family in _FAMILIES for network in family
}
