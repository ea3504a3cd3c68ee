"""The `masks` format: label masks named like their frames, grey, indexed or coloured."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trus.data.classes import Classes
from trus.data.images import read_mask, write_image
from trus.data.manifest import Manifest
from trus.errors import AnnotationError, ManifestError

from .made_masks import NERVE_VESSEL, import_masks, put_frame, put_mask

USGRA = Path(__file__).parents[4] / "shared" / "data" / "usgra"


@pytest.fixture
def both_sides(data) -> Path:
    """The same with test frames, of which one is named like a training frame."""
    put_frame(data / "test" / "images" / "P1_a.png")
    put_frame(data / "test" / "images" / "P9_x.png")
    put_mask(data / "test" / "masks" / "P1_a.png", 2)
    return data


def loaded(out: Path) -> Manifest:
    return Manifest.load(out / "manifest.csv")


def test_a_mask_belongs_to_the_frame_of_the_same_path_whatever_its_suffix(data, out):
    summary = import_masks(data, out)
    manifest = loaded(out)
    manifest.verify()
    assert [frame.image_id for frame in manifest.frames] == ["P1_a", "P1_b", "sub/P2 [c] кадр"]
    assert manifest.frames[2].image.resolve() == data / "images" / "sub" / "P2 [c] кадр.bmp"
    assert (read_mask(manifest.frames[0].mask) == read_mask(data / "masks" / "P1_a.png")).all()
    assert (summary.frames, summary.without_mask, summary.empty_masks, summary.patients) == (3, 0, 1, 0)


def test_masks_and_frames_may_lie_apart(data, out, tmp_path):
    images = (data / "images").rename(tmp_path / "elsewhere")
    assert import_masks(data / "masks", out, images=images).frames == 3
    assert loaded(out).frames[0].image.resolve() == images / "P1_a.png"


def test_a_frame_without_a_mask_is_kept_as_not_annotated(data, out):
    (data / "masks" / "P1_b.png").unlink()
    assert import_masks(data, out).without_mask == 1
    assert loaded(out).frames[1].mask is None


def test_labels_without_names_are_called_class_n(data, out):
    put_mask(data / "masks" / "P1_b.png", 255)
    import_masks(data, out)
    assert loaded(out).classes.labels == {0: "background", 1: "class_1", 2: "class_2", 255: "class_255"}


def test_names_given_are_kept(data, out):
    import_masks(data, out, classes=NERVE_VESSEL)
    assert loaded(out).classes == NERVE_VESSEL


def test_masks_of_0_and_255_are_the_only_class(data, out):
    for name in ("P1_a.png", "P1_b.png"):
        put_mask(data / "masks" / name, 255)
    summary = import_masks(data, out, classes=Classes.from_dict({"labels": {"3": "lesion"}}))
    assert "the masks hold 0 and 255: 255 is taken as lesion" in summary.notes
    assert set(np.unique(read_mask(out / "masks" / "P1_a.png"))) == {0, 3}


def test_a_palette_becomes_its_label_values(data, out):
    palette = Image.frombytes("P", (30, 20), read_mask(data / "masks" / "P1_a.png").tobytes())
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    palette.save(data / "masks" / "P1_a.png")
    import_masks(data, out)
    written = Image.open(out / "masks" / "P1_a.png")
    assert written.mode == "L"
    assert set(np.unique(np.asarray(written))) == {0, 1, 2}


def test_importing_twice_writes_nothing(data, out, tree):
    import_masks(data, out, patient_regex=r"P\d")
    first, times = tree(out), [path.stat().st_mtime_ns for path in out.rglob("*")]
    assert import_masks(data, out, patient_regex=r"P\d").changes.nothing
    assert tree(out) == first
    assert [path.stat().st_mtime_ns for path in out.rglob("*")] == times
    assert {*first} == {
        "manifest.csv",
        "classes.json",
        *(f"masks/{n}.png" for n in ("P1_a", "P1_b", "sub/P2 [c] кадр")),
    }


def test_frames_are_copied_when_asked_and_the_result_can_move(data, out, tree):
    before = tree(data / "images")
    import_masks(data, out, copy=True)
    assert tree(out / "images") == before
    assert import_masks(data, out, copy=True).changes.nothing
    moved = out.rename(out.parent / "elsewhere")
    assert all((moved / "images").resolve() in frame.image.parents for frame in loaded(moved).frames)
    loaded(moved).verify()


@pytest.mark.parametrize(("regex", "patients"), [(r"P\d", ["P1", "P1", "P2"]), (r"P(\d)[_ ]", ["1", "1", "2"])])
def test_the_regex_finds_the_patient(data, out, regex, patients):
    assert import_masks(data, out, patient_regex=regex).patients == 2
    assert [frame.patient_id for frame in loaded(out).frames] == patients


@pytest.mark.parametrize(
    ("regex", "message"),
    [
        (r"^P1", r"finds no patient in 1 name\(s\): sub/P2 \[c\] кадр"),
        (r"(Q\d)?P", r"finds no patient in 3 name\(s\)"),
        (r"(P\d", "is not a regular expression"),
    ],
)
def test_a_regex_that_misses_frames_is_refused(data, out, regex, message):
    with pytest.raises(ManifestError, match=message):
        import_masks(data, out, patient_regex=regex)
    assert not out.exists()


def test_test_folders_give_test_frames_with_names_of_their_own(both_sides, out):
    summary = import_masks(both_sides, out)
    frames = {frame.image_id: frame for frame in loaded(out).frames}
    assert {name for name, frame in frames.items() if frame.split == "test"} == {"test_P1_a", "P9_x"}
    assert {name for name, frame in frames.items() if frame.split == "train"} == {"P1_a", "P1_b", "sub/P2 [c] кадр"}
    assert set(np.unique(read_mask(frames["test_P1_a"].mask))) == {0, 2}
    assert (summary.test_frames, summary.frames) == (2, 5)


def test_all_frames_can_be_said_to_be_test_frames(data, out):
    assert import_masks(data, out, split="test").test_frames == 3


def test_the_patient_is_sought_in_the_frames_own_name(tmp_path, out):
    for part in ("data", "data/test"):
        for name in ("1.png", "2.png"):
            put_frame(tmp_path / part / "images" / name)
            put_mask(tmp_path / part / "masks" / name, 1)
    with pytest.raises(ManifestError, match="patients 1, 2 have training and test frames"):  # not "finds no patient"
        import_masks(tmp_path / "data", out, patient_regex=r"^\d")


def test_a_patient_of_both_parts_is_refused(both_sides, out):
    with pytest.raises(ManifestError, match=r"patients P1 have training and test frames.*correct --patient-regex"):
        import_masks(both_sides, out, patient_regex=r"P\d")
    assert not out.exists()


def test_a_renamed_test_frame_may_not_take_anothers_name(both_sides, out):
    put_frame(both_sides / "images" / "test_P1_a.png")
    summary = import_masks(both_sides, out)
    assert summary.refused == ["test_P1_a: would be the image_id of P1_a.png and test_P1_a.png; rename them"]
    assert "test_P1_a" not in {frame.image_id for frame in loaded(out).frames}


def test_masks_without_a_frame_are_refused_and_the_rest_goes_on(data, out):
    put_mask(data / "masks" / "P7.png", 1)
    put_mask(data / "masks" / "P1_a_mask.png", 1)
    summary = import_masks(data, out)
    assert [line.split(": ")[1] for line in summary.refused] == [f"no frame of that name in {data / 'images'}"] * 2
    assert summary.frames == 3


def test_masks_of_other_frames_are_one_error(data, out, tmp_path):
    put_frame(tmp_path / "others" / "Q.png")
    with pytest.raises(AnnotationError, match="no mask has the name of a frame in"):
        import_masks(data / "masks", out, images=tmp_path / "others")


def test_masks_alone_need_their_frames(data, out):
    with pytest.raises(AnnotationError, match="holds no picture; say where it is by --images, or the frame by --manif"):
        import_masks(data / "masks", out)
    assert not out.exists()


def test_two_files_of_one_name_are_refused(data, out):
    put_frame(data / "images" / "P1_a.bmp")
    with pytest.raises(AnnotationError, match=r"share a name but for their suffix: P1_a; keep one of each"):
        import_masks(data, out)


def test_empty_and_missing_folders_are_refused(data, out, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(AnnotationError, match=r"empty: no image in it \(\.png"):
        import_masks(data / "masks", out, images=tmp_path / "empty")
    with pytest.raises(AnnotationError, match="absent: no such file or folder"):
        import_masks(tmp_path / "absent", out)


def test_every_bad_file_is_told_and_the_rest_goes_on(data, out):
    images, masks = data / "images", data / "masks"
    (images / "P1_a.png").write_bytes((images / "P1_a.png").read_bytes()[:60])
    put_mask(masks / "P1_b.png", 1, shape=(20, 29))
    put_mask(masks / "sub/P2 [c] кадр.tif", 9)
    put_frame(images / "P3.png")
    (masks / "P3.png").write_text("no image")
    put_frame(images / "P4.png")
    Image.new("RGB", (30, 20)).save(masks / "P4.png")
    put_frame(images / "P5.png")
    put_mask(masks / "P5.png", shape=(19, 30))
    put_frame(images / "P6.png")
    summary = import_masks(data, out, classes=NERVE_VESSEL)
    assert len(summary.refused) == 6
    for part in (
        "images/P1_a.png: cannot be read as an image",
        "P1_b.jpg: was drawn at 29x20, its picture is 30x20 px",
        "кадр.tif: holds labels [9] that the classes do not name",
        "masks/P3.png: cannot be read as an image",
        "masks/P4.png: mode RGB has several channels",
        "P5.png: was drawn at 30x19, its picture is 30x20 px",
    ):
        assert part in "\n".join(summary.refused)
    assert [frame.image_id for frame in loaded(out).frames] == ["P6"]


def test_where_nothing_can_be_taken_over_nothing_is_written(data, out):
    for mask in (data / "masks").rglob("*.*"):
        mask.write_text("no image")
    with pytest.raises(AnnotationError, match=r"nothing can be imported\n  P1_a\.png: "):
        import_masks(data, out, classes=NERVE_VESSEL)
    assert not out.exists()


def test_masks_of_many_values_are_no_label_masks(data, out):
    write_image(data / "masks" / "P1_a.png", np.arange(600).reshape(20, 30).astype(np.uint8))
    with pytest.raises(AnnotationError, match="256 different label values found: these are not label masks"):
        import_masks(data, out)


def test_source_masks_are_never_written_over(data, tree):
    before = tree(data)
    for source, out in ((data, data), (data / "masks", data / "images" / ".."), (data, data / "masks" / "..")):
        with pytest.raises(ManifestError, match="would write its masks over those in"):
            import_masks(source, out, images=data / "images")
    assert tree(data) == before


@pytest.mark.real_data
@pytest.mark.skipif(not USGRA.is_dir(), reason=f"{USGRA} is not there")
def test_usgra(tmp_path):
    summary = import_masks(USGRA, tmp_path, classes=NERVE_VESSEL)
    assert (summary.frames, summary.test_frames, summary.without_mask, summary.patients) == (244, 40, 0, 0)
    manifest = loaded(tmp_path)
    assert manifest.classes.targets == ("nerve", "vessel")
    for frame in manifest.frames[::10]:
        folder = USGRA / "test" if frame.split == "test" else USGRA
        name = frame.image_id.removeprefix("test_")
        assert (read_mask(frame.mask) == read_mask(folder / "masks" / f"{name}.png")).all()
