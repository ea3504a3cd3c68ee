"""The synthetic phantom: deterministic, labelled, in millimetres, and with the statistics of ultrasound."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from trus.data.images import read_frame, read_mask
from trus.data.phantom import write_phantom, writer
from trus.data.phantom.anatomy import draw_levels, draw_patient
from trus.data.phantom.devices import DEVICES, region, sector
from trus.data.phantom.physics import echoes, speckle
from trus.data.phantom.screen import label
from trus.data.phantom.tissue import Slice, cut
from trus.errors import ConfigError

COLUMNS = (
    "image_id,image,mask,patient_id,split,spacing_row_mm,spacing_col_mm,region_x0,region_y0,region_x1,region_y1,"
    "device,annotator,source,licence"
)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> Path:
    return write_phantom(tmp_path_factory.mktemp("data") / "phantom", patients=5, frames=4, seed=0)


@pytest.fixture(scope="module")
def rows(phantom) -> list[dict[str, str]]:
    with phantom.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def pairs(phantom, rows) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(read_frame(phantom.parent / row["image"]), read_mask(phantom.parent / row["mask"])) for row in rows]


@pytest.fixture(scope="module")
def slices():
    """Device and mask of the frames of 10 patients, without the slow part: no echoes are made."""
    result = []
    for number in range(10):
        rng, device = np.random.default_rng((7, number)), DEVICES[number % 2]
        patient = draw_patient(rng)
        levels = draw_levels(rng, patient, number, 2)
        result += [(device, label(cut(patient, level, device.probe_radius), device)) for level in levels]
    return result


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def extent(mask: np.ndarray, axis: int) -> int:
    return int(np.ptp(np.nonzero(mask.any(axis))[0])) + 1


def test_same_call_same_bytes_and_other_seed_other_bytes(tmp_path):
    first, again, other = (write_phantom(tmp_path / name, 1, 2, seed) for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert content(first.parent) == content(again.parent)
    assert (first.parent / "images/p000_f0.png").read_bytes() != (other.parent / "images/p000_f0.png").read_bytes()


def test_a_patient_does_not_depend_on_how_many_there_are(tmp_path, phantom):
    few = write_phantom(tmp_path / "few", 2, 4, 0).parent
    for name in ("images/p001_f2.png", "masks/p001_f2.png"):
        assert (few / name).read_bytes() == (phantom.parent / name).read_bytes()


def test_files_are_single_channel_and_named_by_the_manifest(phantom, rows):
    assert phantom.name == "manifest.csv"
    assert phantom.read_text().splitlines()[0] == COLUMNS
    assert len(rows) == 20
    for row in rows:
        assert row["image_id"].startswith(row["patient_id"] + "_f")
        image, mask = Image.open(phantom.parent / row["image"]), Image.open(phantom.parent / row["mask"])
        assert (image.mode, mask.mode) == ("L", "L")
        assert image.size == mask.size
    named = {name for row in rows for name in (row["image"], row["mask"])}
    tables = {"manifest.csv", "classes.json", "README.txt", "phantom.json"}
    assert set(content(phantom.parent)) == named | tables


def test_everything_calls_itself_synthetic(phantom, rows, pairs):
    assert "SYNTHETIC" in (phantom.parent / "README.txt").read_text()
    assert json.loads((phantom.parent / "phantom.json").read_text())["synthetic"] is True
    assert {(row["source"], row["annotator"], row["licence"]) for row in rows} == {
        ("synthetic phantom", "synthetic", "Apache-2.0")
    }
    assert all(row["device"].startswith("synthetic-") for row in rows)
    for (image, _), row in zip(pairs, rows, strict=True):
        caption = image[: int(row["region_y0"]), : int(row["region_x1"])]
        assert (caption > 100).sum() > 100


def test_classes(phantom):
    assert json.loads((phantom.parent / "classes.json").read_text()) == {
        "labels": {"0": "background", "1": "gland", "2": "lesion"},
        "contains": {"gland": ["lesion"]},
    }


def test_split_is_by_patient_and_holds_a_quarter_with_both_devices():
    frames = [writer._Frame(f"p{p:03d}_f0", p, 0).row for p in range(24)]
    test = [row for row in frames if row["split"] == "test"]
    assert len(test) == 6
    assert {row["device"] for row in test} == {device.name for device in DEVICES}


def test_two_devices_differ_in_settings_size_and_spacing(rows, pairs):
    first, second = DEVICES
    for setting in ("frequency_mhz", "depth", "dynamic_range", "gamma", "brightest", "lateral_sigma", "spacing_row"):
        assert getattr(first, setting) != getattr(second, setting)
    assert {image.shape for image, _ in pairs} == {(d.height, d.width) for d in DEVICES}
    assert {row["patient_id"]: row["device"] for row in rows} == {f"p{p:03d}": DEVICES[p % 2].name for p in range(5)}


def test_region_holds_all_echoes_and_the_surroundings_hold_something(rows, pairs):
    for row, (image, mask) in zip(rows, pairs, strict=True):
        x0, y0, x1, y1 = (int(row[f"region_{name}"]) for name in ("x0", "y0", "x1", "y1"))
        assert 0 < x0 < x1 < image.shape[1]
        assert 0 < y0 < y1 < image.shape[0]
        outside = image.copy()
        outside[y0:y1, x0:x1] = 0
        assert outside.max() == 255
        assert not mask[outside > 0].any()
        assert mask[y0:y1, x0:x1].sum() == mask.sum()


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
def test_region_is_tight_and_half_open(device):
    x0, y0, x1, y1 = region(device)
    seen = sector(device)[y0:y1, x0:x1]
    assert seen.sum() == sector(device).sum()
    assert all(edge.any() for edge in (seen[0], seen[-1], seen[:, 0], seen[:, -1]))


def test_spacing_of_the_manifest_is_that_of_the_picture(rows, pairs):
    for row, (image, _) in zip(rows, pairs, strict=True):
        device = next(device for device in DEVICES if device.name == row["device"])
        width = (int(row["region_x1"]) - int(row["region_x0"])) * float(row["spacing_col_mm"])
        assert width == pytest.approx(2 * device.half_width, abs=0.4)
        ticks = np.nonzero(image[:, int(row["region_x1"]) + 10])[0]
        assert np.diff(ticks).mean() * float(row["spacing_row_mm"]) == pytest.approx(5, abs=0.03)


def test_gland_has_the_size_of_a_prostate(slices):
    for device, mask in slices:
        assert 30 < extent(mask > 0, 0) * device.spacing_col < 65
        assert 17 < extent(mask > 0, 1) * device.spacing_row < 45


def test_lesions_are_3_to_15_mm_and_inside_the_gland(slices):
    for device, mask in slices:
        assert set(np.unique(mask)) <= {0, 1, 2}
        lesion = mask == 2
        if lesion.any():
            assert lesion.sum() * device.spacing_row * device.spacing_col > 5
        near = lesion | np.roll(lesion, 1, 0) | np.roll(lesion, -1, 0) | np.roll(lesion, 1, 1) | np.roll(lesion, -1, 1)
        assert (mask[near] > 0).all()


def test_one_frame_in_five_has_no_lesion(slices, pairs):
    assert sum(not (mask == 2).any() for _, mask in slices) == len(slices) / 5
    assert sum(not (mask == 2).any() for _, mask in pairs) == len(pairs) / 5


def test_lesions_are_darker_than_their_surroundings_and_no_threshold_finds_them(pairs):
    darker, overlap = [], []
    for image, mask in pairs:
        lesion, gland = mask == 2, mask == 1
        if not lesion.any():
            continue
        darker.append(image[gland].mean() - image[lesion].mean())
        guesses = [(image <= level) & (mask > 0) for level in range(10, 200, 10)]
        overlap.append(max((guess & lesion).sum() / (guess | lesion).sum() for guess in guesses))
    assert np.mean(darker) > 8
    assert np.mean(np.array(darker) > 0) > 0.75
    assert np.mean(overlap) < 0.4


def test_frames_of_a_patient_share_anatomy_and_not_speckle(pairs):
    masks = [pairs[index][1] > 0 for index in (0, 3)]
    assert (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum() > 0.5
    patch = np.s_[100:400, 250:550]
    grain = [image[patch] - gaussian_filter(image[patch].astype(np.float32), 3) for image, _ in (pairs[0], pairs[1])]
    assert abs(np.corrcoef(grain[0].ravel(), grain[1].ravel())[0, 1]) < 0.2


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
def test_speckle_is_fully_developed_and_widens_with_depth(device):
    flat = np.zeros((len(device.radii), device.lines), np.float32)
    field = speckle(flat, device, np.random.default_rng(0))
    envelope = np.abs(field)
    # Rayleigh: mean / standard deviation = sqrt(pi / (4 - pi)) = 1.913 (Wagner 1983).
    assert envelope.mean() / envelope.std() == pytest.approx(1.913, abs=0.06)
    assert np.square(envelope).mean() == pytest.approx(1, abs=0.05)
    focus, far = round(device.focus / device.depth * len(device.radii)), len(device.radii) - 60
    for row in (focus, (focus + far) // 2, far):
        # The speckle of a Gaussian beam decorrelates as a Gaussian that is wider by a factor of sqrt(2) (Wagner 1983).
        assert beam_width(field, device, row) == pytest.approx(float(device.beam_sigma(device.radii[row])), rel=0.12)
    assert device.beam_sigma(device.radii[far]) > 1.3 * device.beam_sigma(device.radii[focus])


def beam_width(field: np.ndarray, device, row: int) -> float:
    """Standard deviation of the beam in mm around `row`, from the correlation of the echoes of neighbouring lines."""
    rows = field[row - 50 : row + 50]
    correlation = np.abs((rows[:, 1:] * rows[:, :-1].conj()).mean()) / np.square(np.abs(rows)).mean()
    pitch = 2 * device.half_angle / (device.lines - 1) * device.radii[row]
    return float(pitch / np.sqrt(-4 * np.log(correlation)))


def test_stones_cast_shadows():
    device, rng = DEVICES[0], np.random.default_rng(5)
    flat = np.zeros((321, 401), np.float32)
    stone = flat.copy()
    stone[100:104, 194:207] = 16
    levels = echoes(Slice(flat, stone, flat, flat), device, rng)
    behind = levels[450:550]
    assert behind[:, 189:195].mean() < behind[:, 250:300].mean() - 8
    assert levels[80:150, 189:195].mean() > behind[:, 189:195].mean() + 8


@pytest.mark.parametrize(("name", "value"), [("patients", 0), ("frames", -1), ("seed", -1)])
def test_refuses_numbers_out_of_range(tmp_path, name, value):
    with pytest.raises(ConfigError, match=rf"{name}={value}; allowed .* from"):
        write_phantom(tmp_path / "out", **{name: value})
    assert not (tmp_path / "out").exists()


def test_refuses_a_folder_with_other_content(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"is no phantom.*new or empty folder"):
        write_phantom(tmp_path, 1, 1)
    with pytest.raises(ConfigError, match="thesis"):
        write_phantom(tmp_path / "thesis.txt", 1, 1)
    assert content(tmp_path) == {"thesis.txt": b"mine"}


def test_refuses_another_phantom(tmp_path):
    write_phantom(tmp_path, 1, 1, seed=0)
    before = content(tmp_path)
    for arguments in ((1, 1, 1), (2, 1, 0), (1, 2, 0)):
        with pytest.raises(ConfigError, match="another phantom"):
            write_phantom(tmp_path, *arguments)
    assert content(tmp_path) == before


def test_a_finished_phantom_is_left_alone(tmp_path):
    write_phantom(tmp_path, 1, 1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    write_phantom(tmp_path, 1, 1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_interrupted_phantom_is_completed_to_the_same_bytes(tmp_path):
    class StoppedError(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        write_phantom(tmp_path / "a", 2, 2, progress=stop)
    assert not (tmp_path / "a" / "phantom.json").exists()
    kept = (tmp_path / "a/images/p000_f0.png").stat().st_mtime_ns
    seen: list[tuple[int, int]] = []
    write_phantom(tmp_path / "a", 2, 2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (tmp_path / "a/images/p000_f0.png").stat().st_mtime_ns == kept
    assert content(tmp_path / "a") == content(write_phantom(tmp_path / "b", 2, 2).parent)


def test_a_lost_file_is_written_again(tmp_path):
    write_phantom(tmp_path, 1, 2)
    before = content(tmp_path)
    (tmp_path / "masks/p000_f1.png").unlink()
    write_phantom(tmp_path, 1, 2)
    assert content(tmp_path) == before
