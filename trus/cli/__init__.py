"""The `trus` command. Everything heavy is imported inside the commands, so that `trus --help` answers at once."""

import sys
from typing import Annotated

import typer

from trus.cli.agreement import agree_annotators
from trus.cli.annotations import annotations
from trus.cli.app import open_application
from trus.cli.bench import bench_models
from trus.cli.check import check_data
from trus.cli.compare import compare_trained
from trus.cli.export import export_model_file
from trus.cli.inspect import inspect_model
from trus.cli.intake import take_in_frames
from trus.cli.phantom import make_phantom
from trus.cli.predict import predict_frames
from trus.cli.quantize import quantise
from trus.cli.serve import serve_models
from trus.errors import TrusError

EXTRAS = {
    "data": ("SimpleITK", "jinja2", "pydicom"),
    "serve": ("fastapi", "highdicom", "prometheus_client", "python_multipart", "uvicorn"),
    "train": ("filelock", "matplotlib", "mlflow", "omegaconf", "onnx", "sklearn", "torch"),
}
"""Packages that some commands need and a small inference install goes without."""

app = typer.Typer(
    help="Transrectal ultrasound: from frames to a segmentation model file and its masks. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
annotations.command("agree")(agree_annotators)
app.add_typer(annotations, name="annotations")
app.command("app")(open_application)
app.command("bench")(bench_models)
app.command("check")(check_data)
app.command("compare")(compare_trained)
app.command("export")(export_model_file)
app.command("inspect")(inspect_model)
app.command("intake")(take_in_frames)
app.command("phantom")(make_phantom)
app.command("predict")(predict_frames)
app.command("quantize")(quantise)
app.command("serve")(serve_models)


def main() -> None:
    """Entry point: a user's mistake ends in `error: ...` and exit code 1, not in a traceback."""
    try:
        app()
    except TrusError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error.filename or 'file system'}: {error.strerror or error}")
    except ModuleNotFoundError as error:
        extra = next((extra for extra, packages in EXTRAS.items() if error.name in packages), None)
        if extra is None:
            raise
        sys.exit(f"error: this needs {error.name}, which is not installed: pip install 'trus[{extra}]'")


def _version(wanted: bool) -> None:
    if wanted:
        from trus import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass
