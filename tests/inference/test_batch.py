"""Many frames: all results, resumed where they are, and one bad file does not stop the rest."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trus.data.images import read_frame, read_mask, write_image
from trus.errors import ImageError
from trus.inference.batch import predict_batch
from trus.inference.inputs import Input, collect_inputs
from trus.inference.predictor import Predictor, open_predictor
from trus.inference.record import COLUMNS


def results(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for kind in ("masks", "overlays") for path in (folder / kind).iterdir()}


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "predictions.csv").open(encoding="utf-8")))


def test_each_frame_has_a_mask_an_overlay_a_record_and_its_rows(predictor, inputs, tmp_path):
    outcome = predict_batch(predictor, inputs, tmp_path)
    assert (outcome.done, outcome.resumed, outcome.failed) == (5, 0, [])
    document = json.loads((tmp_path / "predictions.json").read_text(encoding="utf-8"))
    assert "Not a medical device" in document["statement"]
    assert [frame["name"] for frame in document["frames"]] == [item.name for item in inputs]
    for item, record in zip(inputs, document["frames"], strict=True):
        image = read_frame(item.path)
        prediction = predictor.predict(image, item.region)
        assert (read_mask(tmp_path / "masks" / f"{item.name}.png") == prediction.labels).all()
        assert read_frame(tmp_path / "overlays" / f"{item.name}.png").shape == (*image.shape, 3)
        assert json.loads((tmp_path / "records" / f"{item.name}.json").read_text(encoding="utf-8")) == record
        assert (record["height"], record["width"]) == image.shape
        assert record["model_sha256"] == predictor.model_hash
    rows = table(tmp_path)
    assert outcome.table == tmp_path / "predictions.csv"
    assert tuple(rows[0]) == COLUMNS
    assert [(row["name"], row["class"]) for row in rows] == [
        (item.name, name) for item in inputs for name in ("gland", "lesion")
    ]


def test_areas_are_in_mm2_where_the_spacing_is_known(predictor, dataset, tmp_path):
    items = collect_inputs([str(dataset / "manifest.csv")])
    predict_batch(predictor, [item for item in items if item.name in ("p3_1", "p4_1")], tmp_path)
    for row in table(tmp_path):
        assert int(row["area_px"]) > 0
        if row["name"] == "p3_1":
            assert float(row["area_mm2"]) == pytest.approx(int(row["area_px"]) * 0.2 * 0.25, abs=1e-3)
        else:
            assert row["area_mm2"] == ""


def test_the_region_of_the_manifest_is_respected(predictor, inputs, tmp_path):
    predict_batch(predictor, inputs, tmp_path)
    labels = read_mask(tmp_path / "masks" / "p1_1.png")
    assert labels.any()
    labels[4:76, 8:88] = 0
    assert not labels.any()


def test_a_second_run_computes_nothing(predictor, inputs, tmp_path):
    predict_batch(predictor, inputs, tmp_path)
    before, when = results(tmp_path), times(tmp_path)
    outcome = predict_batch(predictor, inputs, tmp_path)
    assert (outcome.done, outcome.resumed) == (0, 5)
    assert times(tmp_path) == when
    assert results(tmp_path) == before


def test_an_interrupted_run_goes_on_where_it_stopped(predictor, inputs, tmp_path):
    predict_batch(predictor, inputs[:2], tmp_path)
    when = times(tmp_path)
    outcome = predict_batch(predictor, inputs, tmp_path)
    assert (outcome.done, outcome.resumed) == (3, 2)
    assert {name: times(tmp_path)[name] for name in when} == when
    assert len(table(tmp_path)) == 10


@pytest.mark.parametrize("lost", ["masks/p1_1.png", "overlays/p1_1.png", "records/p1_1.json"])
def test_a_lost_result_is_made_again(predictor, inputs, tmp_path, lost):
    predict_batch(predictor, inputs, tmp_path)
    before = results(tmp_path)
    (tmp_path / lost).unlink()
    assert predict_batch(predictor, inputs, tmp_path).done == 1
    assert results(tmp_path) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", "\udcff"])
def test_a_damaged_record_is_made_again(predictor, inputs, tmp_path, text):
    predict_batch(predictor, inputs, tmp_path)
    (tmp_path / "records" / "p1_1.json").write_text(text, errors="surrogateescape")
    assert predict_batch(predictor, inputs, tmp_path).done == 1


def test_a_changed_threshold_computes_anew(predictor, inputs, tmp_path):
    predict_batch(predictor, inputs, tmp_path)
    predictor.thresholds = [0.9, 0.9]
    assert predict_batch(predictor, inputs, tmp_path).done == 5
    assert {row["threshold"] for row in table(tmp_path)} == {"0.9"}


def test_changed_frames_models_regions_and_spacings_compute_anew(predictor, dataset_copy, tiny_model, tmp_path):
    path, out = dataset_copy / "images" / "p1_1.png", tmp_path / "out"

    def done(item: Input, model: Predictor = predictor) -> int:
        return predict_batch(model, [item], out).done

    plain = Input(path, "p1_1")
    assert [done(plain), done(plain)] == [1, 0]
    assert [done(Input(path, "p1_1", region=(0, 0, 50, 50)))] == [1]
    assert [done(Input(path, "p1_1", spacing=(1.0, 1.0)))] == [1]
    assert [done(plain), done(plain, open_predictor(tiny_model.ckpt))] == [1, 1]
    assert done(plain) == 1
    shutil.copy(dataset_copy / "images" / "p2_0.png", path)
    assert done(plain) == 1


def test_a_moved_frame_is_not_computed_again(predictor, dataset_copy, tmp_path):
    path = dataset_copy / "images" / "p1_1.png"
    predict_batch(predictor, [Input(path, "p1_1")], tmp_path / "out")
    moved = path.rename(dataset_copy / "p1_1.png")
    outcome = predict_batch(predictor, [Input(moved, "p1_1")], tmp_path / "out")
    assert outcome.resumed == 1
    assert table(tmp_path / "out")[0]["input"] == str(moved)


def test_bad_files_are_reported_by_name_and_the_others_done(predictor, dataset_copy, tmp_path):
    images = dataset_copy / "images"
    (images / "p1_0.png").write_bytes((images / "p1_0.png").read_bytes()[:100])
    (images / "p2_0.png").write_text("no image")
    Image.fromarray(np.zeros((9, 9), np.float32)).save(images / "p3_0.tif")
    items = collect_inputs([str(images)])
    items += [Input(images / "absent.png", "absent"), Input(images / "p4_0.png", "outside", region=(0, 0, 97, 80))]
    outcome = predict_batch(predictor, items, tmp_path / "out", jobs=2)
    assert outcome.done == 10
    reasons = {path.name: reason for path, reason in outcome.failed}
    assert {*reasons} == {"p1_0.png", "p2_0.png", "p3_0.tif", "absent.png", "p4_0.png"}
    for name, part in (
        ("p1_0.png", "cannot be read as an image"),
        ("p2_0.png", "cannot be read as an image"),
        ("p3_0.tif", "floating-point"),
        ("absent.png", "no such file"),
        ("p4_0.png", "97"),
    ):
        assert name in reasons[name]
        assert part in reasons[name]
    assert len(table(tmp_path / "out")) == 20


def test_a_result_that_cannot_be_written_is_reported_and_the_others_done(predictor, inputs, tmp_path):
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "sub").write_text("a file where a folder is needed")
    outcome = predict_batch(predictor, [Input(inputs[0].path, "sub/a"), *inputs], tmp_path)
    assert outcome.done == 5
    ((path, reason),) = outcome.failed
    assert "its results cannot be written" in reason
    assert str(path) in reason


def test_two_jobs_give_what_one_gives(predictor, dataset, tmp_path):
    items = collect_inputs([str(dataset / "manifest.csv")])
    ticks = []
    for jobs in (1, 2):
        predict_batch(predictor, items, tmp_path / str(jobs), jobs, lambda: ticks.append(1))
    assert results(tmp_path / "1") == results(tmp_path / "2")
    assert len(ticks) == 24


def test_frames_of_one_name_do_not_overwrite_each_other(predictor, dataset, tmp_path):
    frames = tmp_path / "frames"
    (frames / "sub").mkdir(parents=True)
    picture = Image.open(dataset / "images" / "p1_1.png")
    for name in ("a.png", "a.jpg", "sub/a.png"):
        picture.save(frames / name)
    picture.crop((0, 0, 50, 40)).save(tmp_path / "a.png")
    items = collect_inputs([str(frames), str(tmp_path / "a.png")])
    predict_batch(predictor, items, tmp_path / "out")
    masks = list((tmp_path / "out" / "masks").rglob("*.png"))
    assert len(masks) == 4
    assert tmp_path / "out" / "masks" / "sub" / "a.png" in masks
    assert sorted(read_mask(path).shape for path in masks) == [(40, 50), (80, 96), (80, 96), (80, 96)]


def test_every_kind_of_image_is_segmented(predictor, dataset, tmp_path):
    grey = read_frame(dataset / "images" / "p1_1.png")
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures = {
        "grey 8.png": Image.fromarray(grey),
        "grey [16].png": Image.fromarray(grey.astype(np.uint16) * 257),
        "grey16.tif": Image.fromarray(grey.astype(np.uint16) * 257),
        "rgb.bmp": Image.fromarray(grey).convert("RGB"),
        "палитра.png": Image.fromarray(grey).convert("P"),
        "rgba.tiff": Image.fromarray(grey).convert("RGBA"),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / "in" / name)
    Image.fromarray(np.rot90(grey)).save(tmp_path / "in" / "rotated.JPG", exif=exif, quality=98)
    outcome = predict_batch(predictor, collect_inputs([str(tmp_path / "in")]), tmp_path / "out")
    assert outcome.failed == []
    masks = {path.stem: read_mask(path) for path in (tmp_path / "out" / "masks").iterdir()}
    assert {*masks} == {*(Path(name).stem for name in pictures), "rotated"}
    for labels in masks.values():
        assert labels.shape == grey.shape
        assert (labels != masks["grey 8"]).mean() < 0.01


def test_masks_of_others_are_never_written_over(predictor, dataset_copy):
    before = results(dataset_copy)
    with pytest.raises(ImageError, match="masks: was not written by trus predict; choose another output folder"):
        predict_batch(predictor, collect_inputs([str(dataset_copy / "images")]), dataset_copy)
    assert results(dataset_copy) == before


def test_a_full_disk_is_reported_and_leaves_whole_files(predictor, small_disk, tmp_path):
    items = []
    for number in range(8):
        noise = np.random.default_rng(number).integers(0, 256, (80, 96), np.uint8)
        write_image(tmp_path / f"{number}.png", noise)
        items.append(Input(tmp_path / f"{number}.png", str(number)))
    with pytest.raises(OSError, match="No space left"):  # of the table; the frames' reasons come first
        predict_batch(predictor, items, small_disk)
    for path in small_disk.rglob("*.png"):
        read_frame(path)
        assert not path.name.startswith(".")
