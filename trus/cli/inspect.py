"""`trus inspect`."""

from pathlib import Path
from typing import Annotated

import typer


def inspect_model(
    model: Annotated[Path, typer.Argument(help="An .onnx model file, or a .ckpt (needs trus[train]).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    card: Annotated[Path | None, typer.Option(help="Write the model card (Markdown) to this file.")] = None,
) -> None:
    """Say what a model file is: classes, preprocessing, scores, data, licences, hashes. Nothing of it is run."""
    import json

    from trus.files import write_text
    from trus.inference.description import describe_model, rows
    from trus.inference.model_card import write_card

    description = describe_model(model)
    if card:
        write_text(card, write_card(description))
        typer.echo(f"model card: {card}", err=True)
    if as_json:
        typer.echo(json.dumps(description, indent=2, ensure_ascii=False))
    elif not card:
        for what, text in rows(description):
            typer.echo(f"{what:16}{_printable(text)}")


def _printable(text: str) -> str:
    """A file from elsewhere must not steer the terminal."""
    return "".join(one if one.isprintable() else "?" for one in text)
