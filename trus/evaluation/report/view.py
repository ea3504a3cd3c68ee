"""What the template is given: sections of words, numbers, charts, tables and pictures."""

from dataclasses import dataclass, field

from trus.evaluation.report.pictures import Picture
from trus.evaluation.report.plot import Plot


@dataclass(frozen=True)
class Table:
    """Cells of text; the first `words` columns are aligned left, the others are numbers.

    `look` names a CSS class: fitted (as wide as it must be), even (columns below each other from table to table).
    `folded` is what a reader clicks to open the table.
    """

    header: list[str]
    rows: list[list[str]]
    title: str = ""
    note: str = ""
    words: int = 1
    look: str = ""
    folded: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures under one title."""

    title: str
    pictures: list[Picture]


@dataclass(frozen=True)
class Headline:
    """The number that counts, its interval, and what it is a mean of."""

    value: str
    interval: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """A part of the page; `id` is its address."""

    id: str
    title: str
    texts: list[str] = field(default_factory=list)
    headline: Headline | None = None
    tiles: list[list[tuple[str, str]]] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pictures: list[Gallery] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Is there nothing but the title?"""
        return not (self.headline or self.tiles or self.plots or self.tables or self.pictures)


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    subject: str
    statement: str
    banners: list[str]
    origin: list[tuple[str, str]]
    targets: tuple[str, ...]
    colours: list[str]
    contours: str
    sections: list[Section]
    footer: list[str]
