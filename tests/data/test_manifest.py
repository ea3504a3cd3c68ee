"""The manifest: what is read, and every mistake told at once with its row, column, value and remedy."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from trus.data.images import read_frame, read_mask, write_image
from trus.data.manifest import Manifest, write_manifest
from trus.errors import ManifestError

CLASSES = '{"labels": {"1": "gland"}}'


def load(folder: Path, text: str) -> Manifest:
    (folder / "manifest.csv").write_text(text, encoding="utf-8")
    (folder / "classes.json").write_text(CLASSES)
    return Manifest.load(folder / "manifest.csv")


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        load(folder, text)
    return str(caught.value)


def verify(folder: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        Manifest.load(folder / "manifest.csv").verify()
    return str(caught.value)


def test_rows_become_frames(manifest, dataset):
    frames = {frame.image_id: frame for frame in manifest.frames}
    assert len(frames) == 12
    assert frames["p1_0"].row == 2
    assert frames["p1_0"].image == dataset.resolve() / "images" / "p1_0.png"
    assert frames["p1_0"].spacing == (0.2, 0.25)
    assert frames["p1_0"].region == (8, 4, 88, 76)
    assert (frames["p2_1"].mask, frames["p4_0"].spacing, frames["p2_0"].region) == (None, None, None)
    assert [frame.image_id for frame in manifest.frames if frame.split == "test"] == ["p5_0", "p5_1", "p6_0", "p6_1"]
    assert manifest.classes.targets == ("gland", "lesion")


def test_an_empty_mask_is_no_missing_mask(manifest):
    frames = {frame.image_id: frame for frame in manifest.frames}
    contents = manifest.verify()
    assert not read_mask(frames["p1_0"].mask).any()
    assert "p1_0" in contents.mask
    assert "p2_1" not in contents.mask


def test_what_is_written_is_loaded(tmp_path):
    write_manifest(tmp_path / "manifest.csv", [{"image_id": "кадр, 1", "image": 'a "b".png', "device": None}])
    (tmp_path / "classes.json").write_text(CLASSES)
    (frame,) = Manifest.load(tmp_path / "manifest.csv").frames
    assert (frame.image_id, frame.image.name, frame.source) == ("кадр, 1", 'a "b".png', None)


def test_a_key_that_is_no_column_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="patient"):
        write_manifest(tmp_path / "manifest.csv", [{"image_id": "a", "image": "a.png", "patient": "p"}])
    assert not (tmp_path / "manifest.csv").exists()


def test_a_missing_manifest_says_what_writes_one(tmp_path):
    with pytest.raises(ManifestError, match=r"no such manifest; `trus annotations import` and `trus phantom`"):
        Manifest.load(tmp_path / "manifest.csv")


def test_a_manifest_without_rows_is_refused(tmp_path):
    assert "holds no row" in refusal(tmp_path, "image_id,image\n")
    assert "holds no row" in refusal(tmp_path, "")


def test_every_mistake_is_told_at_once_with_row_column_value_and_remedy(tmp_path):
    text = refusal(
        tmp_path,
        "image_id,image,split,patient_id,spacing_row_mm,spacing_col_mm,region_x0,region_y0,region_x1,region_y1,license\n"
        "a,,tes,p1,0,0.1,3.5,,,,\n"
        "a,b.png,train,p2,,0.1,,,,,\n"
        "c,c.png,test,p2,0.1,0.1,,,,,\n",
    )
    for line in (
        "row 1, column license, value '': unknown column; did you mean licence?",
        "row 2, column image_id, value 'a': stands in more than one row; each frame needs its own",
        "row 3, column image_id, value 'a': stands in more than one row; each frame needs its own",
        "row 2, column image, value '': must not be empty",
        "row 2, column split, value 'tes': must be train, test or empty",
        "row 2, column spacing_row_mm, value '0': must be millimetres a pixel, above 0 and below 100, or empty",
        "row 2, column region_x0, value '3.5': must be a pixel position from 0, or empty",
        "row 2, column region_y0, value '': fill all of region_x0, region_y0, region_x1, region_y1, or none",
        "row 3, column spacing_row_mm, value '': fill all of spacing_row_mm, spacing_col_mm, or none",
        "row 3, column split, value 'train': patient 'p2': this patient has test frames too",
    ):
        assert f"  {line}" in text
    assert "manifest.csv: 10 problem(s)" in text


def test_a_missing_column_is_named_and_a_misspelt_one_recognised(tmp_path):
    text = refusal(tmp_path, "image_id,mask,PatientID,Image \na,b,c,d\n")
    assert "row 1, column image, value '': this column is required; add it" in text
    assert "row 1, column PatientID, value '': unknown column; did you mean patient_id?" in text


def test_further_columns_are_welcome(tmp_path):
    assert len(load(tmp_path, "image_id,image,psa,gleason\na,a.png,4.5,3+4\n").frames) == 1


def test_a_repeated_column_is_refused(tmp_path):
    text = refusal(tmp_path, "image_id,image,patient_id,patient_id\na,a.png,p,q\n")
    assert "column patient_id, value '': this column stands there more than once; keep one" in text


def test_surplus_commas_do_not_shift_a_row(tmp_path):
    (frame,) = load(tmp_path, "image_id,image,mask\na,a.png,m.png,\n").frames
    assert (frame.image_id, frame.image.name, frame.mask.name) == ("a", "a.png", "m.png")


def test_a_row_with_more_cells_than_the_header_is_refused(tmp_path):
    assert "row 3 has 4 cells, the header 3" in refusal(tmp_path, "image_id,image,mask\na,a.png,\nb,b.png,,p1\n")


def test_missing_cells_at_the_end_of_a_row_are_empty(tmp_path):
    first, second = load(tmp_path, "image_id,image,mask,patient_id,split\na,a.png\nb,b.png,,p1\n").frames
    assert (first.mask, first.patient_id, second.patient_id) == (None, None, "p1")


def test_rows_are_counted_as_an_editor_does(tmp_path):
    text = refusal(tmp_path, 'image_id,image,device\n\na,a.png,"two\nlines"\n,,\nb,,\n')
    assert "1 problem(s)\n  row 6, column image, value ''" in text


def test_excel_dialects_are_named(tmp_path):
    assert "separated by semicolons; save it with commas" in refusal(tmp_path, "image_id;image\na;a.png\n")
    (tmp_path / "manifest.csv").write_bytes("image_id,image\nкадр,a.png\n".encode("cp1251"))
    with pytest.raises(ManifestError, match="is not UTF-8 text"):
        Manifest.load(tmp_path / "manifest.csv")
    (tmp_path / "manifest.csv").write_text("image_id , image\r\n кадр , a.png\r\n", encoding="utf-8-sig")
    assert Manifest.load(tmp_path / "manifest.csv").frames[0].image_id == "кадр"


@pytest.mark.parametrize("text", ["0", "0e5", "-1", "1e999", "nan", "0,1", "1 mm"])
def test_a_spacing_that_is_no_length_is_refused(tmp_path, text):
    message = refusal(tmp_path, f'image_id,image,spacing_row_mm,spacing_col_mm\na,a.png,"{text}",0.1\n')
    assert f"row 2, column spacing_row_mm, value '{text}': must be millimetres a pixel" in message


@pytest.mark.parametrize("text", ["../a", "a/../../b", "/a", "..", "a\\..\\b", "./a"])
def test_an_image_id_that_leads_out_of_the_results_folder_is_refused(tmp_path, text):
    assert f"column image_id, value {text!r}" in refusal(tmp_path, f"image_id,image\n{text},a.png\n")


@pytest.mark.parametrize("text", ["a", "a/b", "a..b", "a.1", "кадр 1"])
def test_an_image_id_may_name_a_folder(tmp_path, text):
    assert load(tmp_path, f"image_id,image\n{text},a.png\n").frames[0].image_id == text


def test_a_patient_on_both_sides_of_the_test_split_is_refused(dataset_copy, edit_cell):
    path = edit_cell("p1_0", "split", "test")
    with pytest.raises(ManifestError) as caught:
        Manifest.load(path)
    assert "row 3, column split, value 'train': patient 'p1': this patient has test frames too" in str(caught.value)
    assert "1 problem(s)" in str(caught.value)


def test_a_row_without_a_side_counts_as_training(dataset_copy, edit_cell):
    path = edit_cell("p5_1", "split", "")
    with pytest.raises(ManifestError, match=r"row 11, column split, value '': patient 'p5'"):
        Manifest.load(path)


def test_all_bad_files_are_told_at_once(dataset_copy, edit_cell):
    images, masks = dataset_copy / "images", dataset_copy / "masks"
    (images / "p1_0.png").unlink()
    (images / "p1_1.png").write_bytes((images / "p1_1.png").read_bytes()[:200])
    (masks / "p2_0.png").unlink()
    (masks / "p3_0.png").write_text("no image")
    write_image(masks / "p3_1.png", np.zeros((80, 95), np.uint8))
    write_image(masks / "p4_0.png", np.full((80, 96), 7, np.uint8))
    shutil.copy(images / "p4_1.png", images / "p6_0.png")
    edit_cell("p5_0", "region_x1", "97")
    text = verify(dataset_copy)
    for pattern in (
        r"row 2, column image, value '.*p1_0\.png': no such file",
        r"row 3, column image, value '.*p1_1\.png': cannot be read as an image \(.*\); export it again",
        r"row 4, column mask, value '.*p2_0\.png': no such file",
        r"row 6, column mask, value '.*p3_0\.png': cannot be read as an image \(.*\); export it again",
        r"row 7, column mask, value '.*p3_1\.png': the mask is 95x80, its frame 96x80 px; export it",
        r"row 8, column mask, value '.*p4_0\.png': holds labels \[7\] that classes\.json does not name: .*lesion",
        r"row 10, column region_x0\.\.y1, value '\(8, 4, 97, 76\)': must be x0 < x1 <= 96 and y0 < y1 <= 80",
        r"row 12, column patient_id, value 'p6': the same frame stands in row 9 under patient 'p4'",
    ):
        assert re.search(pattern, text), (pattern, text)
    assert "8 problem(s)" in text


def test_the_same_frame_on_both_sides_is_refused_without_patients_too(dataset_copy):
    path = dataset_copy / "manifest.csv"
    shutil.copy(dataset_copy / "images" / "p1_1.png", dataset_copy / "images" / "p6_0.png")
    path.write_text(re.sub(r",p\d,(train|test)", r",,\1", path.read_text()))
    assert "the same frame stands in row 3 on the other side of the test split" in verify(dataset_copy)


def test_a_repeated_frame_of_one_patient_is_accepted(dataset_copy):
    shutil.copy(dataset_copy / "images" / "p4_1.png", dataset_copy / "images" / "p4_0.png")
    contents = Manifest.load(dataset_copy / "manifest.csv").verify()
    assert contents.image["p4_0"] == contents.image["p4_1"]


def test_pixels_of_each_label_are_counted(dataset_copy):
    labels = np.zeros((80, 96), np.uint8)
    labels[:3, :5], labels[10, :4] = 1, 2
    write_image(dataset_copy / "masks" / "p1_1.png", labels)
    pixels = Manifest.load(dataset_copy / "manifest.csv").verify().pixels["p1_1"]
    assert pixels.shape == (256,)
    assert pixels[:3].tolist() == [80 * 96 - 19, 15, 4]
    assert pixels.sum() == labels.size


def test_a_file_is_decoded_once_in_a_process_wherever_it_lies(dataset_copy, tmp_path, monkeypatch):
    """The jobs of a sweep share a process."""
    contents = Manifest.load(dataset_copy / "manifest.csv").verify()
    moved = shutil.copytree(dataset_copy, tmp_path / "moved")
    decoded = []
    monkeypatch.setattr("trus.data.manifest.read_frame", lambda path: decoded.append(path.name) or read_frame(path))
    again = Manifest.load(moved / "manifest.csv").verify()
    assert (again.data_hash, decoded) == (contents.data_hash, [])
    write_image(moved / "images" / "p1_1.png", np.full((80, 96), 9, np.uint8))
    assert Manifest.load(moved / "manifest.csv").verify().data_hash != contents.data_hash
    assert decoded == ["p1_1.png"]
    (moved / "images" / "p1_1.png").write_bytes(b"no image")
    assert "p1_1.png': cannot be read as an image" in verify(moved)


def data_hash(folder: Path) -> str:
    return Manifest.load(folder / "manifest.csv").verify().data_hash


def test_the_data_hash_ignores_row_order_and_file_names(dataset_copy):
    before = data_hash(dataset_copy)
    path = dataset_copy / "manifest.csv"
    header, *rows = path.read_text().splitlines()
    (dataset_copy / "images").rename(dataset_copy / "frames")
    path.write_text("\n".join([header, *reversed(rows)]).replace("images/", "frames/"))
    assert data_hash(dataset_copy) == before


def test_the_data_hash_sees_pixels_patients_sides_and_classes(dataset_copy, edit_cell):
    hashes = [data_hash(dataset_copy)]
    write_image(dataset_copy / "masks" / "p1_1.png", np.zeros((80, 96), np.uint8))
    hashes.append(data_hash(dataset_copy))
    edit_cell("p1_0", "patient_id", "p9")
    hashes.append(data_hash(dataset_copy))
    edit_cell("p1_0", "split", "test")
    hashes.append(data_hash(dataset_copy))
    (dataset_copy / "classes.json").write_text('{"labels": {"1": "gland", "2": "lesion"}}')
    hashes.append(data_hash(dataset_copy))
    assert len(set(hashes)) == 5
