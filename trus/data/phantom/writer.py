"""Writing a phantom data set: synthetic frames, masks, manifest. It can be interrupted and called again."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.images import write_image
from trus.data.phantom.anatomy import draw_levels, draw_patient
from trus.data.phantom.devices import DEVICES, Device, region
from trus.data.phantom.physics import echoes
from trus.data.phantom.screen import display, label
from trus.data.phantom.tissue import cut
from trus.errors import ConfigError
from trus.files import write_json, write_text

RECORD = "phantom.json"
"""Written last: a folder that holds it is finished."""
STARTED = "phantom.started.json"
"""Written first: a folder that holds it without RECORD is an unfinished phantom, not somebody's data."""
GENERATOR = 1
"""Raise it when the same parameters give other frames than before; an older phantom is then not this one."""
TABLES = ("manifest.csv", "classes.json", "README.txt")
TEST_AMONG_EIGHT = (3, 6)
"""Patients, counted modulo 8, of the test part: a quarter, and one of each device as devices alternate."""
CLASSES = {"labels": {"0": "background", "1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}}
README = """SYNTHETIC transrectal ultrasound frames. They were computed; none of them comes from a person or a scanner.

Made by generator {generator} of trus with:
    trus phantom OUT --patients {patients} --frames {frames} --seed {seed}

The anatomy, the lesions, the two devices and the patient ids are made up. A score on these frames says that the
software works, and nothing about patients. Research use only; not a medical device.

images/         frames, 8-bit grey PNG
masks/          labels: 0 background, 1 gland, 2 lesion (a lesion lies inside the gland)
manifest.csv    one row a frame; spacing in mm; region = box of the ultrasound sector in pixels, x1 and y1 exclusive
classes.json    names of the labels
phantom.json    the parameters; written last
"""


@dataclass(frozen=True)
class _Frame:
    image_id: str
    patient: int
    number: int

    @property
    def device(self) -> Device:
        return DEVICES[self.patient % len(DEVICES)]

    @property
    def image(self) -> str:
        return f"images/{self.image_id}.png"

    @property
    def mask(self) -> str:
        return f"masks/{self.image_id}.png"

    @property
    def row(self) -> dict[str, Any]:
        x0, y0, x1, y1 = region(self.device)
        return {
            "image_id": self.image_id,
            "image": self.image,
            "mask": self.mask,
            "patient_id": f"p{self.patient:03d}",
            "split": "test" if self.patient % 8 in TEST_AMONG_EIGHT else "train",
            "spacing_row_mm": self.device.spacing_row,
            "spacing_col_mm": self.device.spacing_col,
            "region_x0": x0,
            "region_y0": y0,
            "region_x1": x1,
            "region_y1": y1,
            "device": self.device.name,
            "annotator": "synthetic",
            "source": "synthetic phantom",
            "licence": "Apache-2.0",
        }


def write_phantom(
    out: Path,
    patients: int = 24,
    frames: int = 4,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write `patients` times `frames` synthetic frames with masks into the folder `out`; return the manifest's path.

    One frame in five shows no lesion. A patient depends on `seed`, its own number and `frames`, not on `patients`. The
    same call gives the same bytes on the same machine and library versions. A finished phantom of the same parameters
    is left as it is, an unfinished one is completed. `progress` is called with (frames done, frames in all).

    Raises ConfigError for a number out of range, and when `out` holds anything other than this phantom.
    """
    out = Path(out)
    _check(patients=patients, frames=frames, seed=seed)
    parameters = {"synthetic": True, "generator": GENERATOR, "patients": patients, "frames": frames, "seed": seed}
    todo = [_Frame(f"p{p:03d}_f{f}", p, f) for p in range(patients) for f in range(frames)]
    if _claim(out, parameters) and all((out / name).exists() for name in (*TABLES, *_names(todo))):
        return out / "manifest.csv"
    write_json(out / STARTED, parameters)
    for done, _ in enumerate(_write_frames(out, todo, frames, seed), start=1):
        if progress:
            progress(done, len(todo))
    _write_tables(out, todo, parameters)
    write_json(out / RECORD, parameters)
    (out / STARTED).unlink()
    return out / "manifest.csv"


def _check(patients: int, frames: int, seed: int) -> None:
    for name, value, least in (("patients", patients, 1), ("frames", frames, 1), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"phantom: {name}={value}; allowed are whole numbers from {least}")


def _claim(out: Path, parameters: dict[str, Any]) -> bool:
    """True when `out` holds this very phantom complete, False when it is empty or unfinished; else ConfigError."""
    for name in (RECORD, STARTED):
        if (out / name).is_file():
            if _read_record(out / name) == parameters:
                return name == RECORD
            raise ConfigError(
                f"{out} holds another phantom (see {name}); wanted {json.dumps(parameters)}. "
                "Choose another folder, or delete this one"
            )
    # A kill while the first marker is written leaves only its temporary file.
    if out.exists() and (not out.is_dir() or any(not path.name.startswith(".phantom.") for path in out.iterdir())):
        raise ConfigError(f"{out} exists and is no phantom of trus; choose a new or empty folder, or move it away")
    return False


def _read_record(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError:
        return None


def _names(frames: list[_Frame]) -> list[str]:
    return [name for frame in frames for name in (frame.image, frame.mask)]


def _write_frames(out: Path, todo: list[_Frame], frames: int, seed: int) -> Iterator[None]:
    """Write what is missing, frame by frame; the random numbers of a frame depend on nothing outside its patient."""
    for first in range(0, len(todo), frames):
        own = todo[first : first + frames]
        anatomy, *streams = np.random.SeedSequence((seed, own[0].patient)).spawn(1 + frames)
        rng = np.random.default_rng(anatomy)
        patient = draw_patient(rng)
        levels = draw_levels(rng, patient, own[0].patient, frames)
        for frame, level, stream in zip(own, levels, streams, strict=True):
            if not all((out / name).exists() for name in _names([frame])):
                scene = cut(patient, level, frame.device.probe_radius)
                levels_db = echoes(scene, frame.device, np.random.default_rng(stream))
                write_image(out / frame.image, display(levels_db, frame.device))
                write_image(out / frame.mask, label(scene, frame.device))
            yield


def _write_tables(out: Path, todo: list[_Frame], parameters: dict[str, Any]) -> None:
    table = StringIO()
    writer = csv.DictWriter(table, fieldnames=list(todo[0].row), lineterminator="\n")
    writer.writeheader()
    writer.writerows(frame.row for frame in todo)
    write_text(out / "manifest.csv", table.getvalue())
    write_json(out / "classes.json", CLASSES)
    write_text(out / "README.txt", README.format(**parameters))
