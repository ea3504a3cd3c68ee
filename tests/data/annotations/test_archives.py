"""Unpacking what a tool's download button gave."""

import stat
import zipfile
from pathlib import Path

import pytest

from trus.data.annotations import archives
from trus.data.annotations.archives import opened
from trus.errors import AnnotationError


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_and_a_file_are_taken_as_they_are(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    for source in (tmp_path, tmp_path / "a.json"):
        with opened(source) as folder:
            assert folder == source


def test_an_archive_is_unpacked_without_clutter_and_vanishes(tmp_path):
    source = pack(
        tmp_path / "Экспорт [1].ZIP", {"кадр [1].png": b"1", "a/b.txt": b"2", "__MACOSX/._a": b"", "a/.DS_Store": b""}
    )
    with opened(source) as folder:
        assert files(folder) == {"кадр [1].png", "a/b.txt"}
        assert (folder / "a/b.txt").read_bytes() == b"2"
    assert not folder.exists()


@pytest.mark.parametrize(("wrapper", "inside"), [("my export/", {"x.json"}), ("train/", {"train/x.json"})])
def test_a_wrapping_folder_is_stepped_into_unless_its_name_means_something(tmp_path, wrapper, inside):
    with opened(pack(tmp_path / "e.zip", {f"{wrapper}x.json": b"{}"})) as folder:
        assert files(folder) == inside


@pytest.mark.parametrize("encoding", ["utf-8", "cp866"])
def test_cyrillic_names_without_a_stated_encoding_are_read(tmp_path, encoding):
    source = pack(tmp_path / "e.zip", {"a.txt": b"", "X" * len("кадр".encode(encoding)): b"1"})
    content = source.read_bytes().replace(b"X" * len("кадр".encode(encoding)), "кадр".encode(encoding))
    source.write_bytes(content)
    with opened(source) as folder:
        assert files(folder) == {"a.txt", "кадр"}


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/etc/out.txt", "..\\out.txt", "C:\\out.txt"])
def test_a_member_that_leads_out_is_refused_before_anything_is_unpacked(tmp_path, name):
    source = pack(tmp_path / "e.zip", {"good.txt": b"1", name: b"2"})
    with pytest.raises(AnnotationError, match=r"e\.zip: its member .* leads out of the folder"), opened(source):
        pass
    assert files(tmp_path) == {"e.zip"}


def test_links_are_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(AnnotationError, match="'link' is a link"), opened(tmp_path / "e.zip"):
        pass


def test_a_bomb_is_refused_from_its_header(tmp_path):
    source = pack(tmp_path / "e.zip", {"zeros": bytes(archives._LITTLE + 1)})
    with pytest.raises(AnnotationError, match=r"would unpack to 64 MiB from 0\.1 MiB"), opened(source):
        pass


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    with (
        pytest.raises(AnnotationError, match="holds 3 members; at most 2"),
        opened(pack(tmp_path / "e.zip", {"a": b"", "b": b"", "c": b""})),
    ):
        pass


def test_damaged_archives_are_refused(tmp_path):
    source = pack(tmp_path / "e.zip", {"a": bytes(range(256)) * 40})
    whole = source.read_bytes()
    damaged = [b"", b"PK", whole[: len(whole) // 2], whole[:60] + bytes(20) + whole[80:]]
    for content in damaged:
        source.write_bytes(content)
        with pytest.raises(AnnotationError, match=r"e\.zip: cannot be unpacked"), opened(source):
            pass


def test_two_members_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("a/b", "2")
    with pytest.raises(AnnotationError, match="share a name"), opened(tmp_path / "e.zip"):
        pass


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(AnnotationError, match="absent: no such file or folder"), opened(tmp_path / "absent"):
        pass
