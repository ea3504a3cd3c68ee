"""Makes an installed environment small: `slim.py PREFIX`. Run while the image is built."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

UNUSED = ("*.a", "*.c", "*.h", "*.hpp", "*.pxd", "*.pyi", "*.pyx")
"""What only compilers and type checkers read."""
TOOLS = ("onnxruntime/transformers", "onnxruntime/tools", "onnxruntime/datasets")
"""Parts of packages that convert models; nothing in trus imports them."""
SMALL = 16 * 1024
"""Bytes; linking smaller files saves next to nothing."""


def remove_unused(packages: Path) -> None:
    """Remove the packages' own tests, headers, stubs and tools; licences and metadata stay."""
    for folder in [*packages.rglob("tests"), *(packages / name for name in TOOLS)]:
        if folder.is_dir():
            shutil.rmtree(folder)
    for pattern in UNUSED:
        for path in packages.rglob(pattern):
            path.unlink()


def link_equal_files(prefix: Path) -> None:
    """Make equal files one: wheels cannot hold links, so libraries come once for each of their names."""
    seen: dict[tuple[bytes, int], Path] = {}
    for path in sorted(prefix.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size < SMALL:
            continue
        key = hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mode
        first = seen.setdefault(key, path)
        if first is not path:
            path.unlink()
            os.link(first, path)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    for site in root.glob("lib/python*/site-packages"):
        remove_unused(site)
    link_equal_files(root)
