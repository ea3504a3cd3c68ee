"""Atomic writing, a full disk included, and content hashes."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trus.data.images import write_image
from trus.files import atomic_path, hash_bytes, hash_file, hash_json, write_bytes, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folders_are_made_and_an_earlier_file_is_replaced(tmp_path):
    target = tmp_path / "a" / "b" / "file.json"
    write_text(target, "old")
    write_json(target, {"grüße": 1})
    assert target.read_text(encoding="utf-8") == '{\n  "grüße": 1\n}\n'
    assert names(target.parent) == ["file.json"]


def test_an_error_while_writing_leaves_the_earlier_file_and_nothing_else(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:  # noqa: PT012
        temporary.write_text("half of the new con")
        raise RuntimeError
    assert target.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_until_the_end_readers_see_the_earlier_file(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.suffix == ".txt"  # numpy.save and exporters append a suffix that is missing
    assert target.read_text() == "new"


def test_a_full_disk_leaves_the_earlier_file_and_nothing_else(small_disk):
    target = small_disk / "file.bin"
    write_bytes(target, b"old" * 10_000)
    with pytest.raises(OSError, match="No space left") as caught:
        write_bytes(target, b"new" * 20_000)
    assert caught.value.errno == errno.ENOSPC
    assert target.read_bytes() == b"old" * 10_000
    assert names(small_disk) == ["file.bin"]
    write_bytes(small_disk / "other.bin", b"1" * 20_000)  # the failed file's space is free again


def test_a_full_disk_leaves_the_earlier_image(small_disk):
    import numpy as np

    noise = np.random.default_rng(0).integers(0, 256, (150, 200), np.uint8)
    write_image(small_disk / "mask.png", noise)
    before = (small_disk / "mask.png").read_bytes()
    with pytest.raises(OSError, match="No space left"):
        write_image(small_disk / "mask.png", np.tile(noise, (2, 2)).T)
    assert (small_disk / "mask.png").read_bytes() == before
    assert names(small_disk) == ["mask.png"]


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_a_file_size_limit_leaves_the_earlier_file_and_nothing_else(tmp_path):
    target = tmp_path / "file.bin"
    write_bytes(target, b"old")
    done = run(
        "import resource, sys, pathlib, trus.files\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: trus.files.write_bytes(pathlib.Path(sys.argv[1]), b'new' * 1000)\n"
        "except OSError as error: print(error.strerror)",
        target,
    )
    assert done.stdout == "File too large\n", done.stderr
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["file.bin"]


def test_a_process_killed_while_writing_leaves_the_earlier_file(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "old")
    run(
        "import os, sys, pathlib, trus.files\n"
        "with trus.files.atomic_path(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os._exit(9)",
        target,
    )
    assert target.read_text() == "old"


def test_threads_that_write_one_file_leave_one_of_the_contents(tmp_path):
    target = tmp_path / "file.bin"
    contents = [bytes([number]) * 50_000 for number in range(8)]
    threads = [threading.Thread(target=write_bytes, args=(target, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() in contents
    assert names(tmp_path) == ["file.bin"]


def test_the_umask_decides_on_the_mode(tmp_path):
    done = run(
        "import os; os.umask(0o027)\n"
        "import sys, pathlib, trus.files\n"
        "trus.files.write_text(pathlib.Path(sys.argv[1]), '')",
        tmp_path / "file",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_writing_does_not_touch_the_umask_which_threads_share(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", lambda mode: pytest.fail("other threads' new files would get this mask"))
    write_text(tmp_path / "file", "")


@pytest.mark.parametrize("name", ["ж" * 125 + ".png", "a" * 250 + ".txt", "frame [1] (2).png", ".hidden"])
def test_names_that_the_file_system_takes_can_be_written(tmp_path, name):
    write_text(tmp_path / name, "content")
    assert names(tmp_path) == [name]


def test_hashes_are_sha256_of_the_content(tmp_path):
    write_bytes(tmp_path / "abc", b"abc")
    assert hash_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_file(tmp_path / "abc") == hash_bytes(b"abc")


def test_hash_of_json_ignores_the_order_of_keys_only():
    assert hash_json({"a": 1, "b": [1, 2]}) == hash_json({"b": [1, 2], "a": 1})
    assert hash_json({"a": 1, "b": [1, 2]}) != hash_json({"a": 1, "b": [2, 1]})
