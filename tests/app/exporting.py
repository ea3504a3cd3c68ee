"""Exports as the page asks for them."""

import io
from typing import Any

import numpy as np
from PIL import Image

from trus.data.classes import Classes

from .. import conftest
from .in_process import API, Browser

MODEL_CLASSES = Classes.from_dict(conftest.CLASSES)


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def run_lengths(labels: np.ndarray) -> list[list[int]]:
    flat = labels.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=-1.0))
    lengths = np.diff(np.append(starts, flat.size))
    return [[int(flat[start]), int(length)] for start, length in zip(starts, lengths, strict=True)]


def frame_of(study: dict[str, Any], labels: np.ndarray, name: str = "frame.png", **more: Any) -> dict[str, Any]:
    """A frame as the page sends it."""
    about = {"study": study["id"], "frame": 0, "name": name, "rows": run_lengths(labels), "model": "tiny"}
    about |= {"model_sha256": "ab" * 32, "spacing": None, "annotator": "A. Nurse", "seconds": 12.6, "corrected": True}
    return about | {"thresholds": {"gland": 0.5, "lesion": 0.375}, "patient_id": None} | more


async def export(browser: Browser, form: str, frames: list[dict], **options: Any):
    return await browser.post(f"{API}/exports/{form}", json={"frames": frames, "options": options})


def problem(answer) -> str:
    return answer.json()["type"].removeprefix("urn:trus:problem:")
