"""The figures that the application must hold, each beside its goal: `python scripts/benchmark_app.py`.

Starts real `trus app` processes on loopback and uses them in Debian's Chromium (apt-get install chromium), with
SYNTHETIC frames of the phantom; nothing is left behind. Times are the page's: from the event to the painted picture.

    python scripts/benchmark_app.py --model outputs/runs/.../model.onnx        # a unet_small of `make train`
    python scripts/benchmark_app.py --model MODEL --only slider --only brush
    python scripts/benchmark_app.py --model MODEL --smallest --json            # seconds; for the tests

Exit code 1 where a goal is missed.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from app_load import handling, many, opening
from app_load.browser import chromium
from playwright.sync_api import Browser
from service_load.figure import Figure, report

NAMES = ("slider", "brush", "clip", "mask", "batch", "memory")


def figures(browser: Browser, folder: Path, options: argparse.Namespace) -> dict[str, Callable[[], Figure]]:
    """How each figure is measured, in rounds that suffice or in the smallest."""
    model, few = options.model, options.smallest
    return {
        "slider": lambda: handling.slider(browser, model, folder, 768, 5 if few else 60),
        "brush": lambda: handling.brush(browser, model, folder, 768, 10 if few else 200),
        "clip": lambda: opening.clip(browser, model, folder, options.dicom, 1 if few else 5),
        "mask": lambda: opening.first_mask(browser, model, folder, 1 if few else 10),
        "batch": lambda: many.batch(browser, model, folder, 5 if few else 500),
        "memory": lambda: many.memory(browser, model, folder, 8 if few else 200),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model file")
    parser.add_argument("--only", choices=NAMES, action="append", help="one figure or several; all without")
    parser.add_argument("--dicom", type=Path, help="a clip for `clip`; without it, one of the phantom")
    parser.add_argument("--smallest", action="store_true", help="the smallest rounds: whether the script works")
    parser.add_argument("--json", action="store_true", help="one JSON list")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        report(figures(browser, Path(folder), options), options.only or NAMES, options.json)


if __name__ == "__main__":
    main()
