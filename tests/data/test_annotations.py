"""Importing a folder of frames beside a folder of masks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trus.data.annotations import FORMATS, import_masks
from trus.data.classes import Classes
from trus.data.images import read_mask, write_image
from trus.data.manifest import Manifest
from trus.errors import ManifestError

RANDOM = np.random.default_rng(0)
USGRA = Path(__file__).parents[3] / "shared" / "data" / "usgra"
NERVE_VESSEL = Classes.from_dict({"labels": {"0": "background", "1": "nerve", "2": "vessel"}})


def put_frame(path: Path, shape=(20, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RANDOM.integers(0, 256, shape, np.uint8)).save(path)


def put_mask(path: Path, *labels: int, shape=(20, 30)) -> None:
    mask = np.zeros(shape, np.uint8)
    for number, label in enumerate(labels):
        mask[2:8, 8 * number : 8 * number + 6] = label
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


@pytest.fixture
def pair(tmp_path) -> tuple[Path, Path, Path]:
    """images/ and masks/ with the frames P1_a.png, P1_b.jpg and sub/P2 [c] кадр.bmp, and a folder for the result."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    for name in ("P1_a.png", "P1_b.jpg", "sub/P2 [c] кадр.bmp"):
        put_frame(images / name)
    put_mask(masks / "P1_a.png", 1, 2)
    put_mask(masks / "P1_b.png", 1)
    put_mask(masks / "sub/P2 [c] кадр.tif")
    return images, masks, tmp_path / "out"


@pytest.fixture
def second_pair(tmp_path) -> dict[str, Path]:
    """A second pair, of which one frame is named like a training frame."""
    put_frame(tmp_path / "test" / "images" / "P1_a.png")
    put_frame(tmp_path / "test" / "images" / "P9_x.png")
    put_mask(tmp_path / "test" / "masks" / "P1_a.png", 2)
    return {"test_images": tmp_path / "test" / "images", "test_masks": tmp_path / "test" / "masks"}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_mask_belongs_to_the_frame_of_the_same_path_whatever_its_suffix(pair):
    images, masks, out = pair
    summary = import_masks(images, masks, out)
    manifest = Manifest.load(out / "manifest.csv")
    manifest.verify()
    assert [frame.image_id for frame in manifest.frames] == ["P1_a", "P1_b", "sub/P2 [c] кадр"]
    assert manifest.frames[2].image.resolve() == images / "sub" / "P2 [c] кадр.bmp"
    assert (read_mask(manifest.frames[0].mask) == read_mask(masks / "P1_a.png")).all()
    assert (summary.frames, summary.without_mask, summary.empty_masks, summary.patients) == (3, 0, 1, 0)


def test_a_frame_without_a_mask_is_kept_as_not_annotated(pair):
    images, masks, out = pair
    (masks / "P1_b.png").unlink()
    assert import_masks(images, masks, out).without_mask == 1
    assert Manifest.load(out / "manifest.csv").frames[1].mask is None


def test_labels_without_names_are_called_class_n(pair):
    images, masks, out = pair
    put_mask(masks / "P1_b.png", 255)
    import_masks(images, masks, out)
    labels = Manifest.load(out / "manifest.csv").classes.labels
    assert labels == {0: "background", 1: "class_1", 2: "class_2", 255: "class_255"}


def test_names_given_are_kept(pair):
    images, masks, out = pair
    import_masks(images, masks, out, classes=NERVE_VESSEL)
    assert Manifest.load(out / "manifest.csv").classes == NERVE_VESSEL


def test_a_palette_becomes_its_label_values(pair):
    images, masks, out = pair
    palette = Image.frombytes("P", (30, 20), read_mask(masks / "P1_a.png").tobytes())
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    palette.save(masks / "P1_a.png")
    import_masks(images, masks, out)
    written = Image.open(out / "masks" / "P1_a.png")
    assert written.mode == "L"
    assert set(np.unique(np.asarray(written))) == {0, 1, 2}


def test_a_manifest_that_was_changed_since_is_not_overwritten(pair):
    images, masks, out = pair
    import_masks(images, masks, out)
    path = out / "manifest.csv"
    path.write_text(path.read_text() + "\n")
    before = tree(out)
    with pytest.raises(ManifestError, match=r"manifest\.csv: is there already and differs"):
        import_masks(images, masks, out)
    assert tree(out) == before


def test_importing_twice_writes_the_same_bytes(pair):
    images, masks, out = pair
    import_masks(images, masks, out, patient_regex=r"P\d")
    first = tree(out)
    import_masks(images, masks, out, patient_regex=r"P\d")
    assert tree(out) == first
    assert {*first} == {
        "manifest.csv",
        "classes.json",
        *(f"masks/{n}.png" for n in ("P1_a", "P1_b", "sub/P2 [c] кадр")),
    }


def test_frames_are_copied_when_asked(pair):
    images, masks, out = pair
    before = tree(images)
    import_masks(images, masks, out, copy_images=True)
    assert tree(out / "images") == before
    for frame in Manifest.load(out / "manifest.csv").frames:
        assert (out / "images").resolve() in frame.image.parents


def test_an_export_can_move_when_frames_are_copied(pair):
    images, masks, out = pair
    import_masks(images, masks, out, copy_images=True)
    moved = out.rename(out.parent / "elsewhere")
    Manifest.load(moved / "manifest.csv").verify()


@pytest.mark.parametrize(("regex", "patients"), [(r"P\d", ["P1", "P1", "P2"]), (r"P(\d)[_ ]", ["1", "1", "2"])])
def test_the_regex_finds_the_patient(pair, regex, patients):
    images, masks, out = pair
    assert import_masks(images, masks, out, patient_regex=regex).patients == 2
    assert [frame.patient_id for frame in Manifest.load(out / "manifest.csv").frames] == patients


@pytest.mark.parametrize(
    ("regex", "message"),
    [
        (r"^P1", r"finds no patient in 1 name\(s\): sub/P2 \[c\] кадр"),
        (r"(Q\d)?P", r"finds no patient in 3 name\(s\)"),
        (r"(P\d", "is not a regular expression"),
    ],
)
def test_a_regex_that_misses_frames_is_refused(pair, regex, message):
    images, masks, out = pair
    with pytest.raises(ManifestError, match=message):
        import_masks(images, masks, out, patient_regex=regex)
    assert not out.exists()


def test_a_test_pair_gives_test_frames_with_names_of_their_own(pair, second_pair):
    images, masks, out = pair
    summary = import_masks(images, masks, out, **second_pair)
    frames = {frame.image_id: frame for frame in Manifest.load(out / "manifest.csv").frames}
    assert {name for name, frame in frames.items() if frame.split == "test"} == {"test_P1_a", "P9_x"}
    assert {name for name, frame in frames.items() if frame.split == "train"} == {"P1_a", "P1_b", "sub/P2 [c] кадр"}
    assert set(np.unique(read_mask(frames["test_P1_a"].mask))) == {0, 2}
    assert (summary.test_frames, summary.frames) == (2, 5)


def test_the_patient_is_sought_in_the_frames_own_name(tmp_path):
    for part in ("train", "test"):
        for name in ("1.png", "2.png"):
            put_frame(tmp_path / part / "images" / name)
            put_mask(tmp_path / part / "masks" / name, 1)
    folders = [tmp_path / part / kind for part in ("train", "test") for kind in ("images", "masks")]
    with pytest.raises(ManifestError, match="patients 1, 2 have training and test frames"):  # not "finds no patient"
        import_masks(folders[0], folders[1], tmp_path / "out", *folders[2:], patient_regex=r"^\d")


def test_a_patient_of_both_parts_is_refused(pair, second_pair):
    images, masks, out = pair
    with pytest.raises(ManifestError, match=r"patients P1 have training and test frames.*correct --patient-regex"):
        import_masks(images, masks, out, patient_regex=r"P\d", **second_pair)
    assert not out.exists()


def test_a_renamed_test_frame_may_not_take_anothers_name(pair, second_pair):
    images, masks, out = pair
    put_frame(images / "test_P1_a.png")
    with pytest.raises(ManifestError, match="same image_id: test_P1_a; rename them"):
        import_masks(images, masks, out, **second_pair)


@pytest.mark.parametrize("given", ["test_images", "test_masks"])
def test_half_a_test_pair_is_refused(pair, second_pair, given):
    images, masks, out = pair
    with pytest.raises(ManifestError, match="--test-images and --test-masks go together"):
        import_masks(images, masks, out, **{given: second_pair[given]})


def test_masks_without_a_frame_are_refused(pair):
    images, masks, out = pair
    put_mask(masks / "P7.png", 1)
    put_mask(masks / "P1_a_mask.png", 1)
    with pytest.raises(ManifestError, match=r"2 mask\(s\) without a frame of that name in .*images: P1_a_mask, P7"):
        import_masks(images, masks, out)
    assert not out.exists()


def test_two_files_of_one_name_are_refused(pair):
    images, masks, out = pair
    put_frame(images / "P1_a.bmp")
    with pytest.raises(ManifestError, match=r"share a name but for their suffix: P1_a; keep one of each"):
        import_masks(images, masks, out)


def test_empty_and_missing_folders_are_refused(pair, tmp_path):
    images, masks, out = pair
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match=r"empty: no image in it \(\.png"):
        import_masks(tmp_path / "empty", masks, out)
    with pytest.raises(ManifestError, match="absent: no such folder"):
        import_masks(images, tmp_path / "absent", out)


def test_every_bad_file_is_told_at_once_and_nothing_is_written(pair):
    images, masks, out = pair
    (images / "P1_a.png").write_bytes((images / "P1_a.png").read_bytes()[:60])
    put_mask(masks / "P1_b.png", 1, shape=(20, 29))
    put_mask(masks / "sub/P2 [c] кадр.tif", 9)
    put_frame(images / "P3.png")
    (masks / "P3.png").write_text("no image")
    put_frame(images / "P4.png")
    Image.new("RGB", (30, 20)).save(masks / "P4.png")
    with pytest.raises(ManifestError) as caught:
        import_masks(images, masks, out, classes=NERVE_VESSEL)
    text = str(caught.value)
    assert "5 problem(s)" in text
    for part in (
        "images/P1_a.png: cannot be read as an image",
        "masks/P1_b.png: is 29x20, its frame 30x20 px; export it at the frame's size",
        "кадр.tif: holds labels [9] that --classes does not name",
        "masks/P3.png: cannot be read as an image",
        "masks/P4.png: mode RGB has several channels",
    ):
        assert part in text
    assert not out.exists()


def test_masks_of_many_values_are_no_label_masks(pair):
    images, masks, out = pair
    write_image(masks / "P1_a.png", np.arange(600).reshape(20, 30).astype(np.uint8))
    with pytest.raises(ManifestError, match="256 different label values found: these are not label masks"):
        import_masks(images, masks, out)


def test_source_masks_are_never_written_over(pair):
    images, masks, _ = pair
    before = tree(masks)
    for out in (masks.parent, masks.parent / "sub" / ".."):
        with pytest.raises(ManifestError, match="would write its masks over those in"):
            import_masks(images, masks, out)
    assert tree(masks) == before


def test_every_format_says_what_it_is():
    assert FORMATS["masks"]


@pytest.mark.real_data
@pytest.mark.skipif(not USGRA.is_dir(), reason=f"{USGRA} is not there")
def test_usgra(tmp_path):
    summary = import_masks(
        USGRA / "images", USGRA / "masks", tmp_path, USGRA / "test" / "images", USGRA / "test" / "masks",
        classes=NERVE_VESSEL,
    )  # fmt: skip
    assert (summary.frames, summary.test_frames, summary.without_mask, summary.patients) == (244, 40, 0, 0)
    manifest = Manifest.load(summary.manifest)
    assert manifest.classes.targets == ("nerve", "vessel")
    contents = manifest.verify()
    assert len(contents.mask) == 244
    seen = {value for frame in manifest.frames[::10] for value in np.unique(read_mask(frame.mask)).tolist()}
    assert seen == {0, 1, 2}
