"""`edgeml devices`: the boards, and the set-up of their emulation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import edgeml
from edgeml.cli.console import (
    print_document,
    print_lines,
    print_table,
    progress_display,
    remark,
)
from edgeml.cli.description import describe
from edgeml.cli.options import Debug, Json

if TYPE_CHECKING:
    from edgeml_devices.profile import Device

EXAMPLE = "\b\nExample: edgeml devices list"
COLUMNS = ("name", "board", "core", ">cores", ">MHz", "arch", "profile", "engines")

DeviceName = Annotated[
    str, typer.Argument(metavar="NAME", help="A board as `edgeml devices list` names it.")
]

ProfileFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A board as a TOML file (edgeml.device/1).")
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace a board of your own that has the same name.")
]

app = typer.Typer(help="Show the boards and set up their emulation.", rich_markup_mode=None)


@app.command("list", epilog="\b\nExample: edgeml devices list --json")
def list_command(as_json: Json = False, _debug: Debug = False) -> int:
    """List the boards that can be emulated."""
    devices = edgeml.list_devices()
    if as_json:
        print_document(devices.to_json())
    else:
        print_table(COLUMNS, [_row(device) for device in devices.devices])
    for fault in devices.faults:
        remark(f"left out: {fault.problem} {fault.remedy}")
    return 0


@app.command("show", epilog="\b\nExample: edgeml devices show rpi4")
def show_command(name: DeviceName, as_json: Json = False, _debug: Debug = False) -> int:
    """Show what is known of a board, and its sources."""
    devices = edgeml.list_devices(name)
    document = devices.to_json()
    if as_json:
        print_document(document)
    else:
        print_lines(*describe(document["devices"][0]))
    return 0


@app.command("setup", epilog="\b\nExample: edgeml devices setup rpi4")
def setup_command(name: DeviceName, as_json: Json = False, _debug: Debug = False) -> int:
    """Fetch and unpack what emulating a board needs."""
    with progress_display() as progress:
        setup = edgeml.setup_device(name, progress=progress)
    if as_json:
        print_document(setup.to_json())
    else:
        engines = ", ".join(f"{engine} {version}" for engine, version in setup.engines.items())
        print_lines(f"{setup.device} is ready in {setup.path}", f"engines: {engines}")
    return 0


@app.command("add", epilog="\b\nExample: edgeml devices add my-board.toml")
def add_command(
    file: ProfileFile, *, replace: Replace = False, as_json: Json = False, _debug: Debug = False
) -> int:
    """Check a board of your own and keep it, so that it is found by name."""
    from edgeml.api.lab import add_device  # noqa: PLC0415 - loads numpy; only here

    added = add_device(file, replace=replace)
    if as_json:
        print_document(added.to_json())
    else:
        (device,) = added.devices
        print_lines(f"{device.name} ({device.title}) is now a board: --target {device.name}")
    return 0


def _row(device: "Device") -> tuple[str, ...]:
    return (
        device.name,
        device.title,
        device.core,
        str(device.cores),
        f"{device.clock_mhz:g}",
        device.arch,
        "own" if device.own else "edgeml",
        ", ".join(device.engines),
    )
