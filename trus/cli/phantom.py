"""`trus phantom`."""

from pathlib import Path
from typing import Annotated

import typer

from trus.cli.terminal import progress_bar


def make_phantom(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    patients: Annotated[int, typer.Option(help="How many synthetic patients.")] = 24,
    frames: Annotated[int, typer.Option(help="Frames a patient.")] = 4,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
) -> None:
    """Make SYNTHETIC ultrasound frames with gland and lesion masks and a manifest."""
    from trus.data.phantom import write_phantom

    with progress_bar() as progress:
        task = progress.add_task("synthetic frames", total=patients * frames)
        manifest = write_phantom(out, patients, frames, seed, lambda n, total: progress.update(task, completed=n))
    typer.echo(f"{patients * frames} synthetic frames of {patients} synthetic patients: {manifest}")
