"""`trus annotations agree` on made annotators: matching, refusals, maps, the consensus data set, the command."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from trus.cli import app
from trus.data.annotations.annotators import load_annotators, match_frames
from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask, write_image
from trus.data.manifest import Manifest, write_manifest
from trus.errors import ManifestError
from trus.evaluation.agreement.run import run_agreement

CLASSES = Classes.from_dict(
    {"labels": {"0": "background", "1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}}
)
NAMES = ("Анна [1]", "Boris", "Clara")
FRAMES = ("p1/кадр (1)", "p1/b", "p2/c", "p2/d", "p3/e")


def mask(shift: int, lesion: bool = True) -> np.ndarray:
    labels = np.zeros((60, 80), np.uint8)
    labels[10:50, 10 + shift : 60 + shift] = 1
    if lesion:
        labels[20:30, 20 + shift : 40 + shift] = 2
    return labels


@pytest.fixture
def annotators(tmp_path):
    """Three folders over the same pictures; p2/d is empty by all; Clara has no mask of p3/e, and no lesion anywhere."""
    for number, image_id in enumerate(FRAMES):
        grey = np.random.default_rng(number).integers(0, 255, (60, 80)).astype(np.uint8)
        write_image(tmp_path / "images" / f"{image_id}.png", grey)
    for number, name in enumerate(NAMES):
        rows = []
        for image_id in FRAMES:
            drawn = not (name == "Clara" and image_id == "p3/e")
            labels = np.zeros((60, 80), np.uint8) if image_id == "p2/d" else mask(2 * number, lesion=number < 2)
            if drawn:
                write_image(tmp_path / name / "masks" / f"{image_id}.png", labels)
            rows.append({
                "image_id": image_id, "image": f"../images/{image_id}.png",
                "mask": f"masks/{image_id}.png" if drawn else "",
                "patient_id": image_id[:2], "split": "train", "spacing_row_mm": 0.2, "spacing_col_mm": 0.3,
                "annotator": "Dr. B" if name == "Boris" else "", "licence": "CC0-1.0", "copy_of": "x",
            })  # fmt: skip
        write_manifest(tmp_path / name / "manifest.csv", rows, ["copy_of"])
        CLASSES.save(tmp_path / name / "classes.json")
    return [tmp_path / name for name in NAMES]


def edit(folder: Path, image_id: str, **cells: str) -> None:
    path = folder / "manifest.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    for row in rows:
        if row["image_id"] == image_id:
            row.update(cells)
    write_manifest(path, rows, ["copy_of"])


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["annotations", "agree", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_names_come_from_the_column_or_the_folder(annotators):
    assert [one.name for one in load_annotators(annotators)] == ["Анна [1]", "Dr. B", "Clara"]


def test_a_consensus_is_a_data_set_that_trus_takes(annotators, tmp_path):
    out = tmp_path / "общее"
    code, text = run(*annotators, "-o", out, "--consensus", "majority")
    assert code == 0
    assert "5 frames that two or more annotators drew on, 0 that one or nobody did" in text
    manifest = Manifest.load(out / "manifest.csv")
    assert len(manifest.verify().mask) == 5
    first = next(frame for frame in manifest.frames if frame.image_id == "p1/кадр (1)")
    assert first.annotator == "consensus of Анна [1], Dr. B, Clara (majority)"
    assert (first.patient_id, first.split, first.spacing, first.licence) == ("p1", "train", (0.2, 0.3), "CC0-1.0")
    assert first.image.resolve() == (tmp_path / "images/p1/кадр (1).png").resolve()
    expected = mask(2, lesion=False)
    expected[20:30, 22:40] = 2  # where the two who drew a lesion both drew it
    assert np.array_equal(read_mask(first.mask), expected)
    assert not read_mask(out / "masks/p2/d.png").any()
    two = next(frame for frame in manifest.frames if frame.image_id == "p3/e")
    assert two.annotator == "consensus of Анна [1], Dr. B (majority)"
    assert "1 of these frames were drawn by two only; their majority is what both drew" in text
    assert next(csv.DictReader((out / "manifest.csv").open(encoding="utf-8")))["copy_of"] == "x"
    assert manifest.classes == CLASSES


def test_summary_and_maps(annotators, tmp_path):
    code, _ = run(*annotators, "-o", tmp_path / "out", "--consensus", "staple", "--maps", 2)
    assert code == 0
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert summary["frames_compared"] == 5
    assert summary["annotators"]["Clara"] == "../Clara/manifest.csv"
    pair = next(p for p in summary["pairs"] if p["annotators"] == ["Анна [1]", "Dr. B"] and p["class"] == "gland")
    assert pair["dice"]["value"] == pytest.approx(48 / 50)
    assert pair["frames_drawn_by"] == {"both": 4, "only Анна [1]": 0, "only Dr. B": 0, "none": 1}
    missed = next(p for p in summary["pairs"] if p["annotators"] == ["Dr. B", "Clara"] and p["class"] == "lesion")
    assert missed["frames_drawn_by"] == {"both": 0, "only Dr. B": 3, "only Clara": 0, "none": 1}
    assert missed["dice"]["value"] == 0
    rates = summary["consensus"]["staple"]["gland"]
    assert set(rates) == {"Анна [1]", "Dr. B", "Clara"}
    assert rates["Dr. B"]["sensitivity"] > 0.9
    assert rates["Clara"]["frames"] == 3
    maps = sorted((tmp_path / "out/maps").rglob("*.png"))
    assert len(maps) == 2
    assert {tmp_path / "out" / name for name in summary["maps"]} == {*maps}
    colours = {tuple(pixel) for pixel in read_frame(tmp_path / "out/worst.png").reshape(-1, 3)[::3]}
    assert len(colours) > 100


def test_what_does_not_fit_is_refused_by_line_and_the_rest_is_done(annotators, tmp_path):
    edit(annotators[1], "p1/b", patient_id="p9")
    write_image(annotators[1] / "masks/p2/c.png", mask(0)[:50])
    write_image(annotators[2] / "masks/p2/d.png", np.full((60, 80), 7, np.uint8))
    write_image(tmp_path / "other.png", np.zeros((60, 80), np.uint8))
    edit(annotators[0], "p3/e", image="../other.png")
    code, text = run(*annotators, "-o", tmp_path / "out", "--consensus", "staple")
    assert code == 1
    for part in (
        "refused: p1/b: patient_id differs (Анна [1] says p1, Dr. B says p9, Clara says p1)",
        "refused: p2/c: the mask of Dr. B is 80x50, the picture 80x60 px",
        "refused: p2/d: the mask of Clara holds labels [7], unknown to classes.json",
        "refused: p3/e: Dr. B and Анна [1] drew on different pictures",
        "4 frames were refused",
    ):
        assert part in text
    manifest = Manifest.load(tmp_path / "out/manifest.csv")
    assert [frame.image_id for frame in manifest.frames] == ["p1/кадр (1)"]


def test_frames_that_one_annotator_drew_stay_without_mask(annotators, tmp_path):
    edit(annotators[0], "p3/e", mask="")
    code, text = run(*annotators, "-o", tmp_path / "out", "--consensus", "majority")
    assert code == 0
    assert "4 frames that two or more annotators drew on, 1 that one or nobody did" in text
    row = next(f for f in Manifest.load(tmp_path / "out/manifest.csv").frames if f.image_id == "p3/e")
    assert (row.mask, row.annotator) == (None, None)


def test_no_data_set_is_written_over(annotators, tmp_path):
    before = {path: path.read_bytes() for path in annotators[0].rglob("*") if path.is_file()}
    with pytest.raises(ManifestError, match="holds an annotator's own masks"):
        run_agreement(load_annotators(annotators), annotators[0], "majority")
    assert {path: path.read_bytes() for path in annotators[0].rglob("*") if path.is_file()} == before
    run_agreement(load_annotators(annotators), tmp_path / "out", "majority")
    with pytest.raises(ManifestError, match="is there already; choose another -o"):
        run_agreement(load_annotators(annotators), tmp_path / "out", "staple")


def test_annotators_that_cannot_be_compared(annotators, tmp_path):
    with pytest.raises(ManifestError, match="two annotators at least"):
        load_annotators([annotators[0], annotators[0] / "manifest.csv"])
    twin = Path(shutil.copytree(annotators[2], tmp_path / "again" / "Clara"))
    with pytest.raises(ManifestError, match="both are called 'Clara'"):
        load_annotators([annotators[2], twin])
    Classes.from_dict({"labels": {"0": "background", "1": "gland"}}).save(annotators[1] / "classes.json")
    with pytest.raises(ManifestError, match="the annotators' classes differ"):
        load_annotators(annotators)
    with pytest.raises(ManifestError, match=r"(?s)absent.*no such manifest.*nowhere.*no such manifest"):
        load_annotators([tmp_path / "absent.csv", tmp_path / "nowhere.csv"])


def test_no_common_frame_is_said(annotators, tmp_path):
    rows = list(csv.DictReader((annotators[1] / "manifest.csv").open(encoding="utf-8")))
    write_manifest(
        annotators[1] / "manifest.csv", [{**row, "image_id": f"x_{row['image_id']}"} for row in rows], ["copy_of"]
    )
    shared = match_frames(load_annotators(annotators[:2]))
    assert (len(shared.frames), shared.single) == (0, 10)
    with pytest.raises(ManifestError, match=r"no frame has masks of two of Анна \[1\], Dr\. B; frames are matched"):
        run_agreement(load_annotators(annotators[:2]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_an_unknown_method(annotators, tmp_path):
    with pytest.raises(Exception, match="choose from majority, staple"):
        run(*annotators, "-o", tmp_path / "out", "--consensus", "mean")
