"""If: IF, with both branches as graphs of their own."""

from edgeml_converters.tflite.blockers import Blocker, Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import SOURCE
from edgeml_converters.tflite.lowering import lower_graph
from edgeml_converters.tflite.ops.bodies import check_closed, check_results, entering, inside
from edgeml_converters.tflite.program import Program
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step

_REMEDY = "make both branches return the same sizes"


@lowering("If", ports=SOURCE)
def lower_if(step: Step, emit: Emitter) -> None:
    """Write the choice between two graphs that read the same tensors."""
    check_closed(step)
    blockers: list[Blocker] = []
    bodies: dict[str, Program] = {}
    for name in ("then", "else"):
        graph = step.node.attributes[f"{name}_branch"].as_graph()
        emitter, found = lower_graph(graph, is_body=True)
        blockers += inside(f"{name}_branch", found)
        bodies[f"{name}_subgraph_index"] = emitter.program
    if blockers:
        raise Refusal("its branches have no TFLite form", tuple(blockers))
    one, other = (step.node.attributes[f"{n}_branch"].as_graph() for n in ("then", "else"))
    check_results("its else branch", list(zip(other.outputs, one.outputs, strict=True)), _REMEDY)
    outputs = [emit.output(step, at) for at in range(len(step.outputs))]
    emit.control("IF", entering(step, emit, 0), outputs, bodies)
