"""The command table: one module a command."""

from typing import Annotated

import typer

from edgeml import __version__
from edgeml.cli import compare, convert, devices, doctor, inspect, profile, report, run
from edgeml.cli.options import Debug

app = typer.Typer(
    name="edgeml",
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"edgeml {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]


@app.callback(
    invoke_without_command=True,
    epilog="\b\nExample: edgeml convert model.onnx --quantize int8 --calibrate images/ -o out",
)
def root(context: typer.Context, _version: Version = False, _debug: Debug = False) -> None:
    """Take a trained model to a verified, quantized artifact that runs on an ARM board.

    Every command prints text, or with --json one document on stdout; progress goes to stderr. Exit
    codes: 0 ok, 1 a gate failed, 2 bad input or usage, 3 a missing tool, 4 a defect, 130 Ctrl-C.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


app.command("convert", epilog=convert.EXAMPLE)(convert.command)
app.command("inspect", epilog=inspect.EXAMPLE)(inspect.command)
app.command("compare", epilog=compare.EXAMPLE)(compare.command)
app.command("profile", epilog=profile.EXAMPLE)(profile.command)
app.command("run", epilog=run.EXAMPLE)(run.command)
app.command("report", epilog=report.EXAMPLE)(report.command)
app.add_typer(devices.app, name="devices", epilog=devices.EXAMPLE)
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.command)
