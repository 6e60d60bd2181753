"""The options of a task, as the manifest gives them."""

from edgeml_runtime.document import Fields
from edgeml_runtime.manifest import Manifest

_REMEDY = "Make the bundle again with task options that the task has; see runtime/README.md."


def task_fields(manifest: Manifest) -> Fields:
    """Return the options of the manifest's task, to be read and checked by the task."""
    return Fields(manifest.task_options, f"task_options of '{manifest.task}'", _REMEDY)
