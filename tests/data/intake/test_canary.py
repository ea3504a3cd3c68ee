"""Known names planted in tags, file and folder names, comments and pixels: found nowhere but in the private folder."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from trus.data.images import read_frame, write_image
from trus.data.manifest import Manifest, write_manifest

ROOT = Path(__file__).parents[3]
TRUS = Path(sys.executable).parent / "trus"
NAMES = ("Kanareykin", "Щеглов", "Zyablikov", "Chizhova", "Snegiryov", "Drozdetsky", "Skvortsova", "Dyatlovich")
NUMBERS = ("PID-774411", "19510423", "ACC-993377")
PLANTED = (*NAMES, *NUMBERS)

CRASH = """
import faulthandler, trus.data.images as images
original = images.read_frame
def read_frame(path):
    if b"crash here" in open(path, "rb").read():
        faulthandler._sigsegv()
    return original(path)
images.read_frame = read_frame
"""


def spellings(text: str) -> set[bytes]:
    forms = {text, text.upper(), text.lower(), text.swapcase()}
    found = set()
    for form in forms:
        found |= {
            form.encode(code, "ignore") for code in ("utf-8", "utf-16-le", "utf-16-be", "cp1251", "koi8-r", "iso8859-5")
        }
        found |= {urllib.parse.quote(form).encode(), ascii(form).strip("'").encode()}
    return {form for form in found if len(form) > 4}


PATTERNS = {form: text for text in PLANTED for form in spellings(text)}


def leaks(content: bytes) -> set[str]:
    return {text for form, text in PATTERNS.items() if form in content}


def leaks_in_files(folder: Path) -> dict[str, set[str]]:
    """Names in the content of every file, and in the names of files and folders."""
    found = {}
    for path in folder.rglob("*"):
        names = leaks(os.fsencode(path.relative_to(folder)))
        if path.is_file():
            names |= leaks(path.read_bytes())
        if names:
            found[str(path)] = names
    return found


def screen(seed: int, inside: str = "") -> np.ndarray:
    """A screen whose banner is the same striped marker on every frame, so that its pixels can be sought."""
    random = np.random.default_rng(seed)
    frame = np.zeros((240, 320), np.uint8)
    speckle = cv2.GaussianBlur(random.rayleigh(40, (180, 240)).astype(np.float32), (0, 0), 2.5)
    frame[50:230, 40:280] = np.clip(speckle + 20, 20, 160)
    cv2.putText(frame, "Zyablikov", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    if inside:
        cv2.putText(frame, inside, (70, 150), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    return frame


@pytest.fixture(scope="module")
def raw(tmp_path_factory, make_dicom):
    """Every kind of file, with a name in everything that can hold one."""
    folder = tmp_path_factory.mktemp("raw") / "Skvortsova 19510423"
    tags = {"PatientID": "PID-774411", "PatientName": "Kanareykin^Щеглов", "PatientBirthDate": "19510423"}
    tags |= {"AccessionNumber": "ACC-993377", "Manufacturer": "Chizhova GmbH", "ManufacturerModelName": "Snegiryov 7"}
    tags |= {"InstitutionName": "Drozdetsky", "PatientComments": "Dyatlovich", "ImageComments": "Щеглов"}
    for n in range(6):
        make_dicom(folder / "Kanareykin" / f"Щеглов {n}.dcm", [screen(10 * n + k) for k in range(4)], **tags)
    make_dicom(folder / "Kanareykin" / "text.dcm", [screen(90, "Chizhova")], **tags)
    make_dicom(folder / "Snegiryov" / "other person.dcm", [screen(91)], **tags | {"PatientName": "Zyablikov^A"})
    make_dicom(folder / "Chizhova" / "no patient PID-774411.dcm", [screen(92)], PatientName="Chizhova")
    whole = (folder / "Kanareykin" / "Щеглов 0.dcm").read_bytes()
    (folder / "Chizhova" / "Dyatlovich truncated.dcm").write_bytes(whole[: len(whole) // 3])
    (folder / "Chizhova" / "Dyatlovich.txt").write_text("Kanareykin PID-774411")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
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


@dataclass
class Run:
    """A finished `trus intake` in a home and a temporary folder of its own."""

    code: int
    printed: str
    out: Path
    home: Path

    def check(self) -> None:
        """No name was printed, handed on, or left in a cache or temporary folder."""
        assert leaks(self.printed.encode()) == set()
        assert leaks_in_files(self.out) == {}
        assert leaks_in_files(self.home) == {}
        for path in self.out.rglob("*.png"):
            assert read_frame(path).max() < 220, "the name's white pixels"
            with Image.open(path) as image:
                assert image.info == {}


def start(out: Path, *command: object, **environment: object) -> tuple[subprocess.Popen, Path]:
    home = out.with_name(f"{out.name}-home")
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    own = {"HOME": home, "TMPDIR": home / "tmp", "XDG_CACHE_HOME": home, "PYTHONDONTWRITEBYTECODE": 1} | environment
    process = subprocess.Popen(
        [*map(str, (TRUS, "intake", *command, "-o", out))],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home,
        env=os.environ | {name: str(value) for name, value in own.items()},
    )  # fmt: skip
    return process, home


def run(out: Path, *command: object, **environment: object) -> Run:
    process, home = start(out, *command, **environment)
    printed, _ = process.communicate(timeout=300)
    return Run(process.returncode, printed, out, home)


def stop_amid(process: subprocess.Popen, out: Path, how: signal.Signals) -> str:
    """Send a signal as soon as the first frame is out."""
    while process.poll() is None and not [*out.rglob("*.png")]:
        time.sleep(0.01)
    process.send_signal(how)
    printed, _ = process.communicate(timeout=300)
    return printed


@pytest.fixture(scope="module")
def taken(raw, tmp_path_factory):
    """DICOM files: killed, interrupted, and finished in a third run."""
    out = tmp_path_factory.mktemp("dicom") / "out"
    command = (raw, "--jobs", 2)
    killed, _ = start(out, *command)
    printed = stop_amid(killed, out, signal.SIGKILL)
    stopped, _ = start(out, *command)
    while stopped.poll() is None and len([*out.rglob("*.png")]) < 6:
        time.sleep(0.01)
    stopped.send_signal(signal.SIGINT)
    printed += stopped.communicate(timeout=300)[0]
    last = run(out, *command)
    return Run(last.code, printed + last.printed, out, last.home)


def test_tags_folders_and_interruptions(taken):
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
    assert leaks((private / "sources.csv").read_bytes())  # the test can find what is there
    assert not leaks((private / "quarantine.csv").read_bytes())


def test_an_interrupted_intake_ends_as_an_undisturbed_one(taken, raw, tmp_path):
    shutil.copy(taken.out.with_name("out-private") / "pseudonyms.key", tmp_path / "key")
    plain = run(tmp_path / "plain", raw, "--key", tmp_path / "key", "--jobs", 1)
    assert plain.code == 1, plain.printed
    plain.check()
    assert "24 frames out" in plain.printed, plain.printed
    files = [
        {str(p.relative_to(o)): p.read_bytes() for p in o.rglob("*") if p.is_file()} for o in (taken.out, plain.out)
    ]
    assert files[0] == files[1]


def test_accepted_frames_carry_no_metadata_either(taken, raw, tmp_path):
    out = tmp_path / "out"
    for name in ("out", "out-private"):
        shutil.copytree(taken.out.with_name(name), tmp_path / name)
    accepted = run(out, raw, "--accept", tmp_path / "out-private" / "quarantine.csv")
    assert "2 frames accepted by a person" in accepted.printed, accepted.printed
    assert leaks(accepted.printed.encode()) | leaks((out / "manifest.csv").read_bytes()) == set()
    assert leaks_in_files(out) == {}


def test_metadata_of_pictures_and_a_decoder_that_crashes(pictures, tmp_path):
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(CRASH)
    command = (pictures, "--patient-from", "parent-folder", "--region", "40,50,280,230", "--jobs", 2)
    result = run(tmp_path / "out", *command, PYTHONPATH=tmp_path / "hook")
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
def test_errors_of_usage_name_nobody(raw, tmp_path, command):
    result = run(tmp_path / "out", *(part.replace("{raw}", str(raw)) for part in command))
    assert result.code == 1
    assert "Traceback" not in result.printed
    assert leaks(result.printed.encode()) == set(), result.printed


def test_training_on_the_frames_and_mlflow_hold_no_name(taken, tmp_path):
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
    small += ["preprocessing.size=[32,32]", "trainer=cpu", "trainer.max_epochs=1", "split.folds=3", "data.workers=0"]
    command = [sys.executable, "scripts/train.py", f"data.manifest={data}/manifest.csv", "data.classes=[gland]", *small]
    places = [f"outputs={tmp_path}/outputs", f"hydra.run.dir={tmp_path}/outputs/run"]
    result = subprocess.run([*command, *places], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "outputs" / "mlflow.db").is_file()
    assert leaks((result.stdout + result.stderr).encode()) == set()
    assert leaks_in_files(tmp_path / "outputs") == {}
