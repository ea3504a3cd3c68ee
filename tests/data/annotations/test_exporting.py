"""What leaves for an annotation tool: names, pictures, proposals, and nothing else."""

import json

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from trus.data.annotations import FORMATS, format_named
from trus.data.annotations.exchange import WriteOptions
from trus.data.annotations.exporting import ExportOptions, export_annotations
from trus.data.annotations.importing import ImportOptions, import_annotations
from trus.data.annotations.record import FILE
from trus.data.images import read_frame, read_mask
from trus.data.manifest import Manifest
from trus.errors import AnnotationError

MASKS = FORMATS["masks"]


def test_pictures_masks_and_the_record_are_written_under_flat_names(hard, tmp_path):
    summary = export_annotations(MASKS, hard, tmp_path / "o")
    assert (summary.frames, summary.annotated, summary.proposed) == (7, 6, 0)
    names = {path.name for path in (tmp_path / "o" / "images").iterdir()}
    assert "P1__holes [a] (2).png" in names
    assert "P2.2__border.png" in names
    record = json.loads((tmp_path / "o" / FILE).read_text())["frames"]
    assert {*record} == names
    assert record["P1__кадр touching.png"]["image_id"] == "P1/кадр touching"
    assert record["P2__nobody.png"]["labels_sha256"] is None


def test_a_picture_goes_out_byte_for_byte_where_every_tool_opens_it(hard, tmp_path):
    export_annotations(MASKS, hard, tmp_path / "o")
    assert (tmp_path / "o/images/nested.png").read_bytes() == (hard.parent / "frames/nested.png").read_bytes()


@pytest.mark.parametrize("how", ["text", "late text", "exif", "jpeg comment"])
def test_nothing_but_pixels_goes_out(hard, tmp_path, how):
    path = hard.parent / "frames" / "nested.png"
    picture = Image.open(path)
    picture.load()
    pixels = np.asarray(picture)
    if how == "exif":
        exif = Image.Exif()
        exif[0x010E] = "IVANOV^IVAN"
        picture.save(path, exif=exif)
    elif how == "jpeg comment":
        jpeg = path.with_suffix(".jpg")
        picture.save(jpeg, comment="IVANOV^IVAN")
        pixels = np.asarray(Image.open(jpeg))
        path.unlink()
        hard.write_text(hard.read_text().replace("frames/nested.png", "frames/nested.jpg"))
    else:
        info = PngInfo()
        info.add_text("Comment", "IVANOV^IVAN", zip=False)
        picture.save(path, pnginfo=info)
        if how == "late text":
            content = path.read_bytes()
            start = content.index(b"tEXt") - 4
            chunk = content[start : start + 12 + int.from_bytes(content[start : start + 4], "big")]
            end = content.index(b"IEND") - 4
            path.write_bytes(content[:start] + content[start + len(chunk) : end] + chunk + content[end:])
    assert any(b"IVANOV" in file.read_bytes() for file in (hard.parent / "frames").iterdir() if file.is_file())
    export_annotations(MASKS, hard, tmp_path / "o")
    assert not any(b"IVANOV" in file.read_bytes() for file in (tmp_path / "o").rglob("*") if file.is_file())
    assert (read_frame(tmp_path / "o/images/nested.png") == pixels).all()


def test_16_bits_become_8_for_the_tool(hard, tmp_path):
    path = hard.parent / "frames" / "nested.png"
    wide = read_frame(path).astype(np.uint16) * 16
    Image.fromarray(wide).save(path)
    summary = export_annotations(MASKS, hard, tmp_path / "o")
    assert "1 frame(s) of 16 bits were scaled to 8" in summary.notes[0]
    assert (read_frame(tmp_path / "o/images/nested.png") == wide / wide.max() * 255 // 1).mean() > 0.4
    back = import_annotations(MASKS, tmp_path / "o", tmp_path / "b", ImportOptions(manifest=hard))
    assert not back.refused


def test_frames_are_chosen_and_keep_their_names(hard, tmp_path):
    export_annotations(MASKS, hard, tmp_path / "o", ExportOptions(only="unannotated"))
    assert [path.name for path in (tmp_path / "o/images").iterdir()] == ["P2__nobody.png"]
    with pytest.raises(AnnotationError, match="none of the 7 frames is meant"):
        export_annotations(MASKS, hard, tmp_path / "p", ExportOptions(split="test"))
    assert not (tmp_path / "p").exists()


def propose(frame) -> np.ndarray:
    labels = np.zeros((90, 120), np.uint8)
    labels[30:50, 30:60] = 2
    return labels


def test_frames_without_a_mask_carry_the_models_proposal(hard, tmp_path):
    summary = export_annotations(MASKS, hard, tmp_path / "o", ExportOptions(propose=propose))
    assert (summary.annotated, summary.proposed) == (6, 1)
    assert (read_mask(tmp_path / "o/masks/P2__nobody.png") == propose(None)).all()
    assert (read_mask(tmp_path / "o/masks/P2__empty.png") == 0).all()


WRITTEN = [name for name, form in FORMATS.items() if form.write]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_proposal_that_comes_back_untouched_is_said(hard, tmp_path, name):
    def disc(frame) -> np.ndarray:
        y, x = np.mgrid[:90, :120]
        return np.where(np.hypot(y - 40, x - 50) < 25, 2, 0).astype(np.uint8)

    form = FORMATS[name]
    export_annotations(form, hard, tmp_path / "o", ExportOptions(propose=disc, only="unannotated"))
    back = import_annotations(form, tmp_path / "o", tmp_path / "b", ImportOptions(manifest=hard))
    assert "1 frame(s) came back exactly as the model drew them; was each looked at?" in back.notes


def test_a_frame_that_has_changed_since_is_refused(hard, tmp_path, picture):
    export_annotations(MASKS, hard, tmp_path / "o")
    Image.fromarray(picture(99)).save(hard.parent / "frames/whole.png")
    back = import_annotations(MASKS, tmp_path / "o", tmp_path / "b", ImportOptions(manifest=hard))
    assert "whole.png has changed since it was exported" in back.refused[0]


def test_a_bad_frame_is_left_behind_and_the_rest_goes_out(hard, tmp_path):
    (hard.parent / "frames/nested.png").write_text("no image")
    Image.new("L", (3, 3)).save(hard.parent / "masks/whole.png")
    summary = export_annotations(MASKS, hard, tmp_path / "o")
    assert summary.frames == 5
    assert "nested: " in summary.refused[0]
    assert "whole.png: is not of its frame's size, 120x90 px" in summary.refused[1]


def test_an_out_that_holds_something_is_refused(hard, tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "mine.txt").write_text("x")
    with pytest.raises(AnnotationError, match="is there already and not an empty folder"):
        export_annotations(MASKS, hard, tmp_path / "o")
    (tmp_path / "o" / "mine.txt").unlink()
    export_annotations(MASKS, hard, tmp_path / "o")


@pytest.mark.parametrize("name", WRITTEN)
def test_outlines_that_change_on_the_way_are_said(hard, tmp_path, name):
    exact = export_annotations(FORMATS[name], hard, tmp_path / "a", ExportOptions(WriteOptions(tolerance=0)))
    assert not any("come back changed" in note for note in exact.notes)
    loose = export_annotations(FORMATS[name], hard, tmp_path / "b", ExportOptions(WriteOptions(tolerance=3)))
    outlines = name not in ("masks", "nifti")
    assert any("come back changed" in note for note in loose.notes) == outlines


@pytest.mark.parametrize("name", WRITTEN)
def test_a_model_that_fails_leaves_nothing_behind(hard, tmp_path, name, tree):
    def fail(frame):
        raise AnnotationError("no model")

    before = tree(tmp_path)
    with pytest.raises(AnnotationError, match="no model"):
        export_annotations(FORMATS[name], hard, tmp_path / "o", ExportOptions(propose=fail))
    assert tree(tmp_path) == before


def test_formats_without_a_writer_and_unknown_ones_are_said(hard, tmp_path):
    with pytest.raises(AnnotationError, match="can be imported only"):
        export_annotations(FORMATS["busi"], hard, tmp_path / "o")
    with pytest.raises(AnnotationError, match="format 'koko': choose from masks, coco, "):
        format_named("koko")


def test_a_damaged_record_is_named(hard, tmp_path):
    export_annotations(MASKS, hard, tmp_path / "o")
    for text in ("{", "[]", '{"frames": {"a": 3}}', '{"frames": {"a": {"image_id": 3}}}', "[" * 100_000):
        (tmp_path / "o" / FILE).write_text(text)
        with pytest.raises(AnnotationError, match=r"trus_export\.json: cannot be read"):
            import_annotations(MASKS, tmp_path / "o", tmp_path / "b", ImportOptions(manifest=hard))


def test_the_record_does_not_lead_to_frames_that_are_not_there(hard, tmp_path):
    export_annotations(MASKS, hard, tmp_path / "o")
    record = json.loads((tmp_path / "o" / FILE).read_text())
    record["frames"]["whole.png"]["image_id"] = "../../elsewhere"
    (tmp_path / "o" / FILE).write_text(json.dumps(record))
    back = import_annotations(MASKS, tmp_path / "o", tmp_path / "b", ImportOptions(manifest=hard))
    assert {frame.image_id for frame in Manifest.load(back.manifest).frames} == {
        frame.image_id for frame in Manifest.load(hard).frames
    }
