"""Who writes and who reads each tensor of a program, as it was when asked for."""

from edgeml_converters.tflite.program import Operator, Program, Tensor


class Links:
    """The writers and readers of a program's tensors.

    Args:
        program: What is linked; links do not follow when it changes.
    """

    def __init__(self, program: Program) -> None:
        self._writers = {
            id(t): operator for operator in program.operators for t in operator.outputs
        }
        self._outputs = {id(tensor) for _, tensor in program.outputs}
        self._readers: dict[int, list[Operator]] = {}
        for operator in program.operators:
            for key in dict.fromkeys(
                id(tensor) for tensor in operator.inputs if tensor is not None
            ):
                self._readers.setdefault(key, []).append(operator)

    def is_output(self, tensor: Tensor) -> bool:
        """Return whether a tensor leaves the program."""
        return id(tensor) in self._outputs

    def writer(self, tensor: Tensor | None) -> Operator | None:
        """Return the operator that writes a tensor, if one does."""
        return self._writers.get(id(tensor))

    def readers(self, tensor: Tensor) -> list[Operator]:
        """Return the operators that read a tensor, in their order."""
        return self._readers.get(id(tensor), [])

    def sole_reader(self, tensor: Tensor) -> Operator | None:
        """Return the only operator that reads a tensor which does not leave the program."""
        readers = self.readers(tensor)
        return readers[0] if len(readers) == 1 and not self.is_output(tensor) else None
