"""The class names of a YOLO data set: from data.yaml, of which only `names` is read, or from a list of lines."""

import json
import re
from pathlib import Path

from trus.data.annotations.sources import read_text, some_text
from trus.errors import AnnotationError

_LISTS = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt")
_MAX_TEXT, _MAX_LINE = 2**18, 2**13
_QUOTED = r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\""
_TOKEN = re.compile(rf"{_QUOTED}|[\[\]{{}},#'\"]|[^\[\]{{}},#'\"]+")
_NUMBERED = re.compile(r"(?P<key>\d+)\s*:(?:\s|$)")


def read_names(source: Path, root: Path) -> list[str]:
    """Names by class number. Raises AnnotationError where there are none, or they cannot be read."""
    given = [source] if source.is_file() else []
    yamls = [path for path in (*given, *sorted(root.glob("*.y*ml"))) if path.suffix.lower() in (".yaml", ".yml")]
    for path in yamls:
        if (names := _from_yaml(read_text(path), path)) is not None:
            return names
    lists = [*given, *(root / name for name in _LISTS), *(root / "labels" / name for name in _LISTS[:1])]
    for path in lists:
        if path.is_file() and path not in yamls:
            return [line.strip() for line in read_text(path).splitlines() if line.strip()]
    raise AnnotationError(f"{root}: neither data.yaml with names nor classes.txt in it; without, classes have no names")


def _from_yaml(text: str, path: Path) -> list[str] | None:
    lines = [_bare(line[: _MAX_LINE + 1]) for line in text[: _MAX_TEXT + 1].splitlines()]
    if len(text) > _MAX_TEXT or any(len(line) > _MAX_LINE for line in lines):
        raise AnnotationError(f"{path}: is too long for a list of classes")
    start = next((k for k, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        return None
    first = lines[start].split(":", 1)[1].strip()
    items = _inline(first, lines[start + 1 :], path) if first else _block(lines[start + 1 :], path)
    pairs = [_pair(item) for item in items]
    numbers = [k if key is None else key for k, (key, _) in enumerate(pairs)]
    if not pairs or sorted(numbers) != [*range(len(pairs))]:
        raise AnnotationError(f"{path}: its names must be numbered from 0 without a gap, not {some_text(numbers)}")
    return [_plain(name, path) for _, (_, name) in sorted(zip(numbers, pairs, strict=True), key=lambda item: item[0])]


def _bare(line: str) -> str:
    """A line without its comment."""
    kept = ""
    for token in _TOKEN.findall(line):
        if token == "#" and (not kept or kept[-1].isspace()):
            break
        kept += token
    return kept.rstrip()


def _inline(first: str, lines: list[str], path: Path) -> list[str]:
    """The items of [a, 'b'] or {0: a, 1: "b"}, on one line or several."""
    opening, closing = first[0], {"[": "]", "{": "}"}.get(first[0])
    items, ended = [""], False
    for token in _TOKEN.findall(" ".join([first[1:], *lines])):
        if token == closing:
            ended = True
            break
        if token in ("[", "{", "]", "}", "'", '"'):
            break
        items = [*items, ""] if token == "," else [*items[:-1], items[-1] + token]
    if not ended or closing is None:
        raise AnnotationError(f"{path}: its names, from {opening!r} on, cannot be read; put them in classes.txt")
    items = [item.strip() for item in items]
    return items if items[-1] else items[:-1]


def _block(lines: list[str], path: Path) -> list[str]:
    """The items of lines `- a` or `0: a`, up to the next key."""
    items = []
    for line in filter(str.strip, lines):
        text = line.strip()
        if text.startswith("- "):
            items.append(text[2:].strip())
        elif line[0].isspace() and _NUMBERED.match(text):
            items.append(text)
        elif line[0].isspace():
            raise AnnotationError(f"{path}: its names cannot be read at {some_text(text)}; put them in classes.txt")
        else:
            break
    return items


def _pair(item: str) -> tuple[int | None, str]:
    match = _NUMBERED.match(item)
    return (int(match["key"][:9]), item[match.end() :].strip()) if match else (None, item)


def _plain(text: str, path: Path) -> str:
    """A name without its quotes."""
    if text[:1] == "'" and text[-1:] == "'" and len(text) > 1:
        text = text[1:-1].replace("''", "'")
    elif text[:1] == '"' and text[-1:] == '"' and len(text) > 1:
        try:
            text = str(json.loads(text))
        except ValueError as error:
            raise AnnotationError(f"{path}: the name {some_text(text)} cannot be read") from error
    if not text.strip():
        raise AnnotationError(f"{path}: a class has no name")
    return text
