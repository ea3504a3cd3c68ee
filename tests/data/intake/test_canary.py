"""Known names planted in tags, file and folder names, comments and pixels: found nowhere but in the private folder."""

import csv
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from PIL import Image, PngImagePlugin

from trus.data.images import read_frame, write_image
from trus.data.manifest import Manifest, write_manifest

ROOT = Path(__file__).parents[3]
CRASH = """
import faulthandler, trus.data.images as images
original = images.to_frame
def to_frame(image, path):
    if b"crash here" in open(path, "rb").read():
        faulthandler._sigsegv()
    return original(image, path)
images.to_frame = to_frame
"""


def add_private_tags(path: Path) -> None:
    """A private block whose creator and value are names, in another character set."""
    dataset = pydicom.dcmread(path)
    dataset.SpecificCharacterSet = "ISO_IR 144"
    dataset.private_block(0x0011, "Zyablikov", create=True).add_new(1, "LO", "Щеглов Drozdetsky")
    dataset.save_as(path)


@pytest.fixture(scope="module")
def raw(tmp_path_factory, make_dicom, screen):
    """Every kind of file, with a name in everything that can hold one."""
    folder = tmp_path_factory.mktemp("raw") / "Skvortsova 19510423"
    tags = {"PatientID": "PID-774411", "PatientName": "Kanareykin^Щеглов", "PatientBirthDate": "19510423"}
    tags |= {"AccessionNumber": "ACC-993377", "Manufacturer": "Chizhova GmbH", "ManufacturerModelName": "Snegiryov 7"}
    tags |= {"InstitutionName": "Drozdetsky", "PatientComments": "Dyatlovich", "ImageComments": "Щеглов"}
    for n in range(6):
        make_dicom(folder / "Kanareykin" / f"Щеглов {n}.dcm", [screen(10 * n + k) for k in range(4)], **tags)
    make_dicom(folder / "Kanareykin" / "text.dcm", [screen(90, inside="Chizhova")], **tags)
    make_dicom(folder / "Snegiryov" / "other person.dcm", [screen(91)], **tags | {"PatientName": "Zyablikov^A"})
    make_dicom(folder / "Chizhova" / "no patient PID-774411.dcm", [screen(92)], PatientName="Chizhova")
    add_private_tags(folder / "Kanareykin" / "Щеглов 1.dcm")
    whole = (folder / "Kanareykin" / "Щеглов 0.dcm").read_bytes()
    (folder / "Chizhova" / "Dyatlovich truncated.dcm").write_bytes(whole[: len(whole) // 3])
    (folder / "Chizhova" / "Dyatlovich.txt").write_text("Kanareykin PID-774411")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, screen):
    """Pictures and a clip of two patients' folders, with names in their metadata."""
    folder = tmp_path_factory.mktemp("pictures")
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "Kanareykin PID-774411")
    info.add_itxt("Author", "Щеглов")
    here = folder / "Snegiryov" / "Drozdetsky.png"
    here.parent.mkdir()
    Image.fromarray(screen(1)).save(here, pnginfo=info)
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "Chizhova", "Dyatlovich"
    Image.fromarray(screen(2)).save(folder / "Snegiryov" / "Щеглов.jpg", quality=98, exif=exif, comment=b"Zyablikov")
    Image.fromarray(screen(3)).save(folder / "Snegiryov" / "t.tif", description="Kanareykin", artist="Skvortsova")
    clip = cv2.VideoWriter(str(folder / "Snegiryov" / "c.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240), True)
    for n in range(6):
        clip.write(np.repeat(screen(20 + n)[..., None], 3, axis=2))
    clip.release()
    (folder / "Skvortsova").mkdir()
    info.add_text("Comment", "crash here")
    Image.fromarray(screen(5)).save(folder / "Skvortsova" / "Dyatlovich crashes.png", pnginfo=info)
    Image.fromarray(screen(6)).save(folder / "Skvortsova" / "six.bmp")
    return folder


def stop_amid(process: subprocess.Popen, out: Path, frames: int, how: signal.Signals) -> str:
    """Send a signal as soon as so many frames are out."""
    while process.poll() is None and len([*out.rglob("*.png")]) < frames:
        time.sleep(0.01)
    process.send_signal(how)
    return process.communicate(timeout=300)[0]


@pytest.fixture(scope="module")
def taken(raw, tmp_path_factory, canary):
    """DICOM files: killed, interrupted, and finished in a third run."""
    out = tmp_path_factory.mktemp("dicom") / "out"
    command = (raw, "--jobs", 2)
    printed = stop_amid(canary.start(out, *command)[0], out, 1, signal.SIGKILL)
    printed += stop_amid(canary.start(out, *command)[0], out, 6, signal.SIGINT)
    last = canary.run(out, *command)
    return canary.Run(last.code, printed + last.printed, out, last.home)


def test_tags_folders_and_interruptions(taken, canary):
    taken.check()
    frames = Manifest.load(taken.out / "manifest.csv").frames
    assert len(frames) == len({frame.image_id for frame in frames}) == 24
    assert taken.code == 1
    for words in (
        "text inside the region",
        "two different people",
        "carries no patient id",
        "truncated",
        "not a DICOM",
    ):
        assert words in taken.printed, taken.printed
    private = taken.out.with_name("out-private")
    assert canary.leaks((private / "sources.csv").read_bytes())  # the test can find what is there
    assert not canary.leaks((private / "quarantine.csv").read_bytes())


def test_an_interrupted_intake_ends_as_an_undisturbed_one(taken, raw, tmp_path, canary):
    shutil.copy(taken.out.with_name("out-private") / "pseudonyms.key", tmp_path / "key")
    plain = canary.run(tmp_path / "plain", raw, "--key", tmp_path / "key", "--jobs", 1)
    assert plain.code == 1, plain.printed
    plain.check()
    assert "24 frames out" in plain.printed, plain.printed
    files = [
        {str(p.relative_to(o)): p.read_bytes() for p in o.rglob("*") if p.is_file()} for o in (taken.out, plain.out)
    ]
    assert files[0] == files[1]


def test_accepted_frames_carry_no_metadata_either(taken, raw, tmp_path, canary):
    out = tmp_path / "out"
    for name in ("out", "out-private"):
        shutil.copytree(taken.out.with_name(name), tmp_path / name)
    accepted = canary.run(out, raw, "--accept", tmp_path / "out-private" / "quarantine.csv")
    assert "2 frames accepted by a person" in accepted.printed, accepted.printed
    assert canary.leaks(accepted.printed.encode()) | canary.leaks((out / "manifest.csv").read_bytes()) == set()
    assert canary.leaks_in_files(out) == {}


def test_metadata_of_pictures_and_a_decoder_that_crashes(pictures, tmp_path, canary):
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(CRASH)
    command = (pictures, "--patient-from", "parent-folder", "--region", "40,50,280,230", "--jobs", 2)
    result = canary.run(tmp_path / "out", *command, PYTHONPATH=tmp_path / "hook")
    result.check()
    assert "crashed on it" in result.printed
    frames = Manifest.load(result.out / "manifest.csv").frames
    assert len(frames) == 10
    assert len({frame.patient_id for frame in frames}) == 2


@pytest.mark.parametrize(
    "command",
    [
        ("/nowhere/Kanareykin", "/nowhere/Щеглов"),
        ("{raw}", "--regions", "/nowhere/Kanareykin.csv"),
        ("{raw}", "--spacing-csv", "{raw}/Chizhova/Dyatlovich.txt"),
        ("{raw}", "--accept", "{raw}/Chizhova"),
        ("{raw}", "--key", "{raw}/Chizhova/Dyatlovich.txt"),
        ("{raw}/Kanareykin", "--patient-from", "regex", "--patient-regex", "("),
        ("{raw}/Chizhova/Dyatlovich.txt", "--patient-from", "parent-folder"),
    ],
)
def test_errors_of_usage_name_nobody(raw, tmp_path, command, canary):
    result = canary.run(tmp_path / "out", *(part.replace("{raw}", str(raw)) for part in command))
    assert result.code == 1
    assert "Traceback" not in result.printed
    assert canary.leaks(result.printed.encode()) == set(), result.printed


def test_training_on_the_frames_and_mlflow_hold_no_name(taken, tmp_path, canary):
    data = Path(shutil.copytree(taken.out, tmp_path / "data"))
    with (data / "manifest.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    for n, row in enumerate(rows):
        mask = np.zeros(read_frame(data / row["image"]).shape[:2], np.uint8)
        mask[40:120, 60:160] = 1
        write_image(data / "masks" / f"{n}.png", mask)
        row |= {"mask": f"masks/{n}.png", "patient_id": f"{row['patient_id']}{n % 3}"}
    write_manifest(data / "manifest.csv", rows)
    small = ["model=unet_small", "model.widths=[8,16]", "model.context=[1]", "model.encoder_weights=null"]
    small += [
        "preprocessing.size=[32,32]",
        "trainer=cpu",
        "trainer.max_epochs=1",
        "split.folds=3",
        "data.workers=0",
        "callbacks.export.predict=false",
    ]
    command = [sys.executable, "scripts/train.py", f"data.manifest={data}/manifest.csv", "data.classes=[gland]", *small]
    places = [f"outputs={tmp_path}/outputs", f"hydra.run.dir={tmp_path}/outputs/run"]
    result = subprocess.run([*command, *places], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "outputs" / "mlflow.db").is_file()
    assert canary.leaks((result.stdout + result.stderr).encode()) == set()
    assert canary.leaks_in_files(tmp_path / "outputs") == {}
