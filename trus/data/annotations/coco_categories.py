"""The categories of COCO documents as classes: ids that become label values, placeholders, ids used twice."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from trus.data.annotations.exchange import ReadOptions
from trus.data.annotations.sources import BACKGROUND, Pictures, classes_named, some_text
from trus.data.classes import Classes

Key = int | str
"""An id in a document."""


@dataclass
class Document:
    """One JSON file, the part of the data set that it is (None: unknown), and the pictures it may mean."""

    path: Path
    content: dict[str, Any]
    part: str | None
    pictures: Pictures
    names: dict[Key, str] = field(default_factory=dict)
    used: Counter[Key] = field(default_factory=Counter)


def entries(content: dict[str, Any], key: str) -> Iterator[tuple[int, Any]]:
    """Position and value of what is listed under a key; nothing where that is no list."""
    values = content.get(key)
    return enumerate(values if isinstance(values, list) else [])


def is_id(value: object) -> TypeGuard[Key]:
    """Whether a value can be the id of something: a whole number (1.0 is 1, as a table may write it) or a text."""
    whole = isinstance(value, float) and value.is_integer()
    return whole or (isinstance(value, Key) and not isinstance(value, bool))


def read_categories(document: Document) -> list[str]:
    """Fill in the names and uses of the categories; lines on those that have no id or name, or share an id."""
    refused, shared = [], set()
    for number, entry in entries(document.content, "categories"):
        category, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
        if not is_id(category) or not isinstance(name, str) or not name.strip():
            refused.append(f"{document.path}: category number {number + 1} has no id or no name")
        elif document.names.setdefault(category, name) != name:
            shared.add(category)
            refused.append(f"{document.path}: categories {document.names[category]!r} and {name!r} share id {category}")
    for category in shared:
        del document.names[category]
    for _, entry in entries(document.content, "annotations"):
        if isinstance(entry, dict) and is_id(entry.get("category_id")):
            document.used[entry["category_id"]] += 1
    return refused


def classes_of(documents: list[Document], source: Path, options: ReadOptions, notes: list[str]) -> Classes:
    """The classes of all documents, without the placeholder 0 that nothing is drawn with; see `numbered`."""
    used = {document.names[key] for document in documents for key in document.used if key in document.names}
    pairs = dict.fromkeys((key, name) for document in documents for key, name in document.names.items())
    placeholders = [name for key, name in pairs if key == 0 and name not in used and len(pairs) > 1]
    notes += [
        f"category {name!r} (id 0): a placeholder that nothing is drawn with, left out"
        for name in placeholders
        if name.lower() not in BACKGROUND
    ]
    return numbered([pair for pair in pairs if pair[1] not in placeholders], source, options, notes)


def numbered(pairs: Iterable[tuple[Key, str]], source: Path, options: ReadOptions, notes: list[str]) -> Classes:
    """Classes of (id, name): the ids are the label values where they are 1 to 255 and each means one name.

    Otherwise they are numbered from 1, which `notes` tells. Names that mean the background are left out. Raises
    AnnotationError where no class is known, or more than 255.
    """
    pairs = [pair for pair in pairs if pair[1].lower() not in BACKGROUND]
    values = {key: name for key, name in pairs if isinstance(key, int) and 0 < key < 256}
    if pairs and len(values) == len(pairs) == len({*values.values()}):
        return Classes.from_dict({"labels": {"0": "background", **{str(key): name for key, name in values.items()}}})
    classes = classes_named([name for _, name in pairs], options, source)
    if pairs:
        named = ", ".join(f"{some_text(key)} {name} -> {classes.values[name]}" for key, name in pairs)
        notes.append(f"categories became label values: {named}")
    return classes
