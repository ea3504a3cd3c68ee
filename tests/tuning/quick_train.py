"""Stands in for scripts/train.py where a test is about processes and not about networks: same folders, no training.

The scores follow from optimizer.lr alone. `QUICK_WAIT` names a file that each fold but the first waits for,
`QUICK_FAIL` a text of the command line that makes it fail, `QUICK_DATA` the data's hash.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from trus.evaluation.cross_validation.folder import CrossValidation, CvFolder
from trus.evaluation.cross_validation.result import read_out_of_fold

PATIENTS = 12


def main() -> None:
    settings = dict(text.split("=", 1) for text in sys.argv[1:])
    job = Path(settings.pop("hydra.run.dir"))
    assert settings.pop("split.fold") == "all"
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    folder = CvFolder(Path(settings["outputs"]) / "cv" / key[:8])
    signal.signal(signal.SIGTERM, lambda *_: leave(job))
    (job / "starts").open("a").write("x")
    if os.environ.get("QUICK_FAIL", "none such") in " ".join(sys.argv):
        print("some output\nerror: 1 of 3 failed\n  fold 2: NaN loss", os.getpid())
        sys.exit(1)
    if not (folder.path / "cv.json").exists():
        data = os.environ.get("QUICK_DATA", "d")
        folder.write(CrossValidation(key, key[:8], {}, data, "s", True, 3, (0,), "manifest.csv", ("lesion",)))
    note(job, folder, None)
    quality = 0.8 - 0.2 * abs(np.log10(float(settings["optimizer.lr"])) + 3)
    for member in folder.members():
        if folder.progress(member).state == "finished":
            continue
        while member.fold and os.environ.get("QUICK_WAIT") and not Path(os.environ["QUICK_WAIT"]).exists():
            time.sleep(0.02)
        train(folder, member, quality)
    iou = read_out_of_fold(folder, folder.members()).estimate()
    (folder.path / "summary.json").write_text(json.dumps({"all": {"iou": iou.to_dict()}}))
    note(job, folder, iou.value)


def train(folder: CvFolder, member, quality: float) -> None:
    scores = quality + np.random.default_rng(member.fold).normal(0, 0.05, PATIENTS)
    scores += np.random.default_rng(int(quality * 1e6)).normal(0, 0.005, PATIENTS)
    header = "image_id,patient_id,class,iou,dice,intersection_px,predicted_px,reference_px,outcome"
    rows = [f"f{member.fold}_{n},p{member.fold}_{n},lesion,{s:.6f},{s:.6f},1,1,1,scored" for n, s in enumerate(scores)]
    place = folder.run_dir(member)
    place.mkdir(parents=True, exist_ok=True)
    (place / "validation.csv").write_text("\n".join([header, *rows]) + "\n")
    folder.note(member, state="finished", iou={"value": float(scores.mean())}, seconds=2.0)


def note(job: Path, folder: CvFolder, value: float | None) -> None:
    content = {"cv_folder": str(folder.path), "member": None, "value": value, "run_id": None}
    (job / "job.new").write_text(json.dumps(content))
    (job / "job.new").rename(job / "job.json")


def leave(job: Path) -> None:
    (job / "terminated").touch()
    sys.exit(143)


main()
