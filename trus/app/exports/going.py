"""The frames of an export, each with its classes, its mask and, where the file is held, its picture."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from trus.app.exports.names import stems
from trus.app.exports.request import ExportFrame, labels_of, wrong
from trus.app.studies.store import Studies, Study
from trus.data.classes import Classes
from trus.data.intake.source import Region
from trus.serving.problems import Problem
from trus.serving.segmentation import Scale
from trus.serving.service import ServedModel, Service


@dataclass(frozen=True)
class Going:
    """One frame on its way out. `stem` is its file name without suffix, `where` how errors call it; `size` (H, W).

    `given_up`: set once nobody waits for the export any more.
    """

    asked: ExportFrame
    stem: str
    where: str
    model: ServedModel
    study: Study | None
    size: tuple[int, int]
    loop: asyncio.AbstractEventLoop
    given_up: threading.Event

    @property
    def classes(self) -> Classes:
        """Those of the model that drew it."""
        return self.model.predictor.classes

    @property
    def regions(self) -> tuple[Region, ...]:
        """The tissue regions that the file names."""
        return self.study.regions if self.study is not None else ()

    def labels(self) -> np.ndarray:
        """The mask, uint8 (H, W) of label values.

        Raises Problem 422 for one that fits neither frame nor classes, 503 once the export is given up.
        """
        if self.given_up.is_set():
            raise Problem(503, "Given up", "nobody waits for this export any more", "given-up")
        labels = labels_of(self.asked.rows, self.size, self.where)
        unknown = sorted({value for value, run in self.asked.rows if run} - {*self.classes.labels})
        if unknown:
            known = ", ".join(f"{value} {name}" for value, name in self.classes.labels.items())
            raise wrong(f"{self.where}: labels {unknown} are no classes of its model ({known})", "mask-does-not-fit")
        return labels

    def picture(self) -> np.ndarray:
        """The frame as it was decoded, for a thread beside the event loop's.

        Raises Problem 404 where its file is gone meanwhile, 422 where it cannot be decoded.
        """
        assert self.study is not None, "gather(pictures=True) sees to it"
        return asyncio.run_coroutine_threadsafe(self.study.frame(self.asked.frame), self.loop).result().frame.image

    @property
    def scale(self) -> Scale:
        """mm a pixel: what the file says, else what the page says of it."""
        study = self.study
        if study is not None and (study.spacing or any(region.spacing for region in study.regions)):
            note = "" if study.spacing else "known within the file's regions only"
            return Scale(study.spacing, study.regions, note)
        if self.asked.spacing is None:
            return Scale(None, (), study.spacing_note if study is not None else "not known")
        return Scale(self.asked.spacing, (), "stated by the user" if self.asked.stated else "")


def gather(
    frames: Sequence[ExportFrame], service: Service, studies: Studies, caller: str, held: ExitStack, pictures: bool
) -> list[Going]:
    """The frames with what is held of them; their files stay held until `held` is closed, which also gives up
    what is not done by then. For the event loop's thread.

    Raises Problem 404 for a model that is not served and, with `pictures` or where no size is stated, for a file that
    is not held; 422 where frame and file do not fit.
    """
    found: dict[str, Study | None] = {}
    going, loop, given_up = [], asyncio.get_running_loop(), threading.Event()
    held.callback(given_up.set)
    names = stems([(frame.name, frame.frame) for frame in frames])
    for number, (asked, stem) in enumerate(zip(frames, names, strict=True), 1):
        where = f"frame {number} of {len(frames)}"
        study = _study(asked, studies, caller, held, found, must=pictures or asked.size is None)
        size = study.size if study is not None else asked.size
        assert size is not None
        if size[0] * size[1] > service.settings.max_pixels:
            detail = f"{where}: {size[1]}x{size[0]} pixels; at most {service.settings.max_pixels} are read here"
            raise Problem(413, "Too large", detail, "too-large")
        if asked.size is not None and asked.size != size:
            detail = f"{where}: {asked.size[1]}x{asked.size[0]} pixels are stated, its file has {size[1]}x{size[0]}"
            raise wrong(detail, "mask-does-not-fit")
        going.append(Going(asked, stem, where, service.model(asked.model), study, size, loop, given_up))
    return going


def same_classes(going: Sequence[Going]) -> Classes:
    """The classes that all frames have. Raises Problem 422 where their models differ in them."""
    first, *others = [(frame.classes.labels, frame.classes.contains) for frame in going]
    if any(other != first for other in others):
        detail = "the frames were segmented by models with different classes; export the frames of each by themselves"
        raise wrong(detail, "classes-differ")
    return going[0].classes


def _study(
    asked: ExportFrame, studies: Studies, caller: str, held: ExitStack, found: dict[str, Study | None], must: bool
) -> Study | None:
    wanted = asked.study or ""
    if found.get(wanted) is None:
        try:
            found[wanted] = held.enter_context(studies.using(wanted, caller))
        except Problem:
            if must:
                raise
            found[wanted] = None
    return found[wanted]
