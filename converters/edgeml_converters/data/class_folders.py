"""DATA as a folder of class folders, one image or sound a file.

Class indices are the positions of the folder names in sorted (code point) order, as the common
training tools count them, so ``10`` comes before ``2``.
"""

from functools import partial
from pathlib import Path

from edgeml_converters.data.image_file import SAMPLE_SUFFIXES, is_sample, read_files
from edgeml_converters.data.source import Source
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec


def open_folder(spec: str, inputs: tuple[TensorSpec, ...]) -> Source:  # noqa: ARG001 - see Form
    """Return the images and sounds below the class folders of *spec*, by class and then by name.

    Other files and hidden files and folders are passed over.

    Raises:
        InputError: There is no class folder, or no such file in any.
    """
    folder = Path(spec)
    classes = sorted(
        (path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")),
        key=lambda path: path.name,
    )
    labelled = [
        (path, index)
        for index, class_folder in enumerate(classes)
        for path in sorted(class_folder.iterdir(), key=lambda path: path.name)
        if is_sample(path)
    ]
    if not labelled:
        raise _nothing_found(folder, classes)
    return Source(spec, partial(read_files, labelled), len(labelled), images=True)


def _nothing_found(folder: Path, classes: list[Path]) -> InputError:
    if any(is_sample(path) for path in folder.iterdir()):
        return InputError(
            f"The folder {folder} has images or sounds, but nothing says what class they are.",
            "Put each class in a folder of its own, or add labels.csv (header: file,label).",
        )
    where = f"the {len(classes)} folders below {folder}" if classes else f"the folder {folder}"
    return InputError(
        f"There are no images or sounds in {where}.",
        f"Give a folder of class folders; files end in {', '.join(sorted(SAMPLE_SUFFIXES))}.",
    )
