"""docs/tutorial.ipynb is run from its first cell to its last, small: what it says to type works, and ends in masks."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from trus.data.images import read_mask
from trus.data.manifest import Manifest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_kept_without_results(notebook):
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) > 10
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def said(notebook, words):
    """What the cell with these words in it printed."""
    (cell,) = (cell for cell in notebook.cells if cell.cell_type == "code" and words in cell.source)
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_from_raw_exports_to_masks(notebook, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
    monkeypatch.setitem(os.environ, "IPYTHONDIR", str(tmp_path / "ipython"))
    (place,) = (n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    small = f"patients, frames, size, epochs, work = 6, 2, 32, 2, {str(tmp_path / 'work')!r}"
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(small))

    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOK.parent)}}
    ).execute()

    work = tmp_path / "work"
    assert "12 frames out" in said(notebook, "--accept $WORK/looked_at.csv")
    assert "12 frames, 12 with a mask" in said(notebook, "annotations import masks")
    assert "0 errors, 0 warnings" in said(notebook, "trus check")
    assert "all      IoU 0." in said(notebook, "validation.json")
    assert "(95 %" in said(notebook, "validation.json")
    assert "Model card" in (work / "card.md").read_text(encoding="utf-8")
    later = Manifest.load(work / "later" / "manifest.csv")
    assert len(later.frames) == 4
    assert all(read_mask(work / "masks" / "masks" / f"{frame.image_id}.png").shape for frame in later.frames)
    pictures = [
        o
        for cell in notebook.cells
        if cell.cell_type == "code"
        for o in cell.outputs
        if "image/png" in o.get("data", {})
    ]
    assert len(pictures) >= 6
