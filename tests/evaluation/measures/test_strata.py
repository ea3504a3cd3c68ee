from pathlib import Path

import pytest

from trus.data.manifest import Manifest
from trus.errors import ManifestError
from trus.evaluation.measures.aggregate import summarise
from trus.evaluation.measures.scores import ScoreSettings
from trus.evaluation.measures.strata import NOT_STATED, read_strata, size_strata, stratify

from .made_scores import made, made_class

SETTINGS = ScoreSettings(resamples=50)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """12 frames with a device, a further column of text and one of numbers; one cell of each is empty."""
    rows = ["image_id,image,mask,patient_id,device,gleason,psa"]
    for n in range(12):
        device = "" if n == 3 else ("BK 3000", "Aplio")[n % 2]
        rows.append(f"f{n},f{n}.png,,p{n // 2},{device},{'' if n == 4 else n % 3 + 6},{'' if n == 5 else n + 0.5}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    (tmp_path / "classes.json").write_text('{"labels": {"1": "gland"}}')
    return Manifest.load(tmp_path / "manifest.csv")


def test_any_column_makes_strata(manifest):
    strata = read_strata(manifest, ["device", "gleason"])
    assert {*strata["device"].values()} == {"Aplio", "BK 3000", NOT_STATED}
    assert strata["device"]["f3"] == NOT_STATED
    assert strata["gleason"]["f1"] == "7"
    assert [*dict.fromkeys(strata["gleason"].values())] == ["6", "7", "8", NOT_STATED]


def test_many_numbers_are_cut_into_thirds(manifest):
    psa = read_strata(manifest, ["psa"])["psa"]
    names = [*dict.fromkeys(psa.values())]
    assert names == [
        "lowest third (0.5 to 3.5)",
        "middle third (4.5 to 7.5)",
        "highest third (8.5 to 11.5)",
        NOT_STATED,
    ]
    assert psa["f5"] == NOT_STATED


def test_a_column_of_eight_numbers_is_taken_as_it_is_and_of_nine_is_cut(manifest):
    rows = manifest.path.read_text().splitlines()
    for different in (8, 9):
        cells = [f"{row},{n % different}" for n, row in enumerate(rows[1:])]
        manifest.path.write_text("\n".join([f"{rows[0]},grade", *cells]))
        names = {*read_strata(manifest, ["grade"])["grade"].values()}
        assert len(names) == {8: 8, 9: 3}[different]


def test_a_column_that_is_not_there(manifest):
    with pytest.raises(ManifestError, match=r"strata=\['gleeson'\]: no such column; it has image_id, .*gleason, psa"):
        read_strata(manifest, ["device", "gleeson"])
    assert read_strata(manifest, ["annotator"]) == {}  # known to the schema, not in this manifest


def test_sizes_are_thirds_of_the_frames_that_hold_the_class():
    scores = [made(f"f{n}", f"p{n}", made_class(reference=10 * n), spacing=(0.5, 0.2)) for n in range(10)]
    sizes = size_strata(scores, 0)
    assert "f0" not in sizes
    names = [*dict.fromkeys(sizes.values())]
    assert names == ["small (1 to 3 mm2)", "medium (4 to 6 mm2)", "large (7 to 9 mm2)"]
    mixed = [*scores, made("f99", "p99", made_class(reference=95))]
    assert all(name.endswith(" px)") for name in size_strata(mixed, 0).values())


def test_equal_sizes_stay_together_and_no_target_gives_no_stratum():
    scores = [made(f"f{n}", f"p{n}", made_class(reference=50)) for n in range(5)]
    assert {*size_strata(scores, 0).values()} == {"small (50 to 50 px)"}
    assert size_strata([made("f0", "p0", made_class())], 0) == {}


def test_each_stratum_is_the_summary_of_its_frames():
    scores = [made(f"f{n}", f"p{n}", made_class(10 * n, 100, 100)) for n in range(8)]
    by = {f"f{n}": "AB"[n % 2] for n in range(7)}
    found = stratify(scores, by, ("gland",), SETTINGS)
    assert [*found] == ["A", "B"]
    assert found["A"] == summarise([scores[n] for n in (0, 2, 4, 6)], ("gland",), SETTINGS)
    assert found["B"]["all"]["counts"]["frames"] == 3  # f7 belongs nowhere
