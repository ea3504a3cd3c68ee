"""The intake on real files: counts in, counts out. `../shared/data` is public material that stays outside."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from trus.data.intake.intake import intake
from trus.data.intake.raw_files import patient_rule
from trus.data.intake.settings import Settings
from trus.data.intake.side_files import read_spacings
from trus.data.manifest import Manifest

SHARED = Path(__file__).parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there"),
]


def test_all_real_dicom_files(tmp_path):
    result = intake([SHARED / "dicom_us"], tmp_path / "out", Settings(patient_rule("dicom", None, False)), jobs=2)
    assert Counter(reason for _, reason in result.outcome.refused) == {
        "carries no patient id; say where it stands: --patient-from parent-folder, regex or none": 3
    }
    with (tmp_path / "out-private" / "quarantine.csv").open() as file:
        held = {row["file"] for row in csv.DictReader(file)}
    with (tmp_path / "out-private" / "sources.csv").open() as file:
        sources = {Path(row["path"]).name: row for row in csv.DictReader(file)}
    frames = sum(int(row["frames"]) + int(row["quarantined"]) for row in sources.values())
    assert frames == 107  # 65 + 30 + 2 + two regions of one + 8 stills
    assert (sources["DIRW0007"]["frames"], sources["DIRW0007"]["quarantined"]) == ("0", "65")  # it carries a name
    assert sources["gdcm-US-ALOKA-16.dcm"]["file"] in held  # frame rate and depth stand in both of its regions
    Manifest.load(tmp_path / "out" / "manifest.csv").verify()


def test_real_spacings_come_from_the_list(tmp_path):
    images, raw = SHARED / "hc18_subset" / "images", tmp_path / "raw"
    raw.mkdir()
    for path in sorted(images.glob("*HC.png"))[:8]:
        (raw / path.name).write_bytes(path.read_bytes())
    spacings = read_spacings(SHARED / "hc18_subset" / "pixel_size_and_HC.csv")
    settings = Settings(patient_rule("regex", r"^(\d+)_", False), region="whole")
    result = intake([raw], tmp_path / "out", settings, spacings=spacings)
    assert result.published.frames + result.published.held.total() == 8
    assert all(frame.spacing for frame in Manifest.load(tmp_path / "out" / "manifest.csv").frames)
