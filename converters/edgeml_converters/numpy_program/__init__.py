"""Small models of tables as programs for NumPy: the format ``numpy`` of docs/numpy-models.md.

Knows the graph and what the runtime's engine ``numpy`` runs; must not run a model.
"""

from edgeml_converters.numpy_program.stored import StoredProgram, read_program
from edgeml_converters.numpy_program.writer import is_tabular, write_numpy

__all__ = ["StoredProgram", "is_tabular", "read_program", "write_numpy"]
