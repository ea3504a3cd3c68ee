"""What `trus predict` was asked for: files, folders, globs and manifests."""

from pathlib import Path

import pytest

from trus.errors import ImageError, ManifestError
from trus.inference.inputs import collect_inputs


@pytest.fixture
def folder(tmp_path) -> Path:
    """b.png, a.jpg, deep/er/c.TIF, notes.txt and two hidden files."""
    for name in ("b.png", "a.jpg", "deep/er/c.TIF", "notes.txt", "._b.png", ".x.png"):
        (tmp_path / "frames" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "frames" / name).touch()
    return tmp_path / "frames"


def names(*arguments: object, **options) -> list[str]:
    return [item.name for item in collect_inputs([str(argument) for argument in arguments], **options)]


def test_a_folder_is_searched_at_any_depth(folder):
    assert names(folder) == ["a", "b", "deep/er/c"]


def test_files_and_globs_are_taken_in_the_order_given(folder):
    assert names(folder / "b.png", folder / "a.jpg") == ["b", "a"]
    assert names(folder / "b.png", folder / "*.jpg") == ["b", "a"]
    assert names(folder / "**" / "*.TIF") == ["c"]
    assert names(folder / "d*") == ["er/c"]


def test_a_file_is_taken_once(folder):
    assert names(folder / "b.png", folder, folder / "deep" / ".." / "b.png") == ["b", "a", "deep/er/c"]


def test_brackets_in_names_that_exist_are_no_glob(tmp_path):
    (tmp_path / "set [1]").mkdir()
    (tmp_path / "set [1]" / "frame [a].png").touch()
    assert names(tmp_path / "set [1]" / "frame [a].png") == ["frame [a]"]
    assert names(tmp_path / "set [1]") == ["frame [a]"]


def test_frames_that_differ_in_suffix_have_names_of_their_own(tmp_path):
    for name in ("a.png", "a.jpg", "b.png"):
        (tmp_path / name).touch()
    assert names(tmp_path) == ["a_jpg", "a_png", "b"]


def test_frames_of_one_name_in_two_folders_have_names_of_their_own(tmp_path):
    for name in ("x/a.png", "y/a.png", "y/a.jpg", "z/a_png.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = names(tmp_path / "x", tmp_path / "y", tmp_path / "z")
    assert len(set(found)) == 4
    assert all(name.startswith("a_") for name in found)
    assert names(tmp_path / "x", tmp_path / "y", tmp_path / "z") == found


def test_a_missing_file_is_kept_to_be_reported_with_its_frame(tmp_path):
    assert names(tmp_path / "absent.png") == ["absent"]


def test_arguments_that_lead_nowhere_are_refused(tmp_path):
    with pytest.raises(ImageError, match=r"\*\.png: matches no file"):
        names(tmp_path / "*.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match=r"empty: no frame in this folder \(\.png, "):
        names(tmp_path / "empty")
    with pytest.raises(ManifestError, match=r"absent\.csv: no such manifest"):
        names(tmp_path / "absent.csv")


def test_a_manifest_gives_its_regions_and_spacings(dataset):
    items = {item.name: item for item in collect_inputs([str(dataset / "manifest.csv")], spacing=(1.0, 2.0))}
    assert len(items) == 12
    assert items["p1_0"].region == (8, 4, 88, 76)
    assert items["p1_0"].spacing == (0.2, 0.25)
    assert items["p4_0"].region is None
    assert items["p4_0"].spacing == (1.0, 2.0)


def test_results_of_an_earlier_run_are_no_input(folder):
    for name in ("out/masks/b.png", "out/overlays/b.png", "masks/d.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert names(folder, out=folder / "out") == ["a", "b", "deep/er/c", "masks/d"]
    assert names(folder, out=folder) == ["a", "b", "deep/er/c", "out/masks/b", "out/overlays/b"]
