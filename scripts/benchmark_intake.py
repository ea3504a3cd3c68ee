"""Speed and memory of `trus intake` on made DICOM files: `python scripts/benchmark_intake.py`.

Speed: frames a second with 1 and 2 processes, next to a plain loop of pydicom and Pillow that only decodes and writes
PNG: it cuts nothing, looks for no text, and keeps no journal. Memory: the highest resident set of the process and of
the largest worker, against the number of frames of one file (Linux: read from /proc).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.pixels import iter_pixels
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

SPEED_SIZE, SPEED_FRAMES = (600, 800), 192
MEMORY_SIZE, MEMORY_FRAMES = (128, 160), (100, 1_000, 10_000)
ROUNDS = 3


def write_clip(path: Path, size: tuple[int, int], frames: int) -> None:
    """One native multi-frame file of blurred speckle in a region; eight different frames, over and over."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = generate_uid(), ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientID, dataset.Modality = "made", "US"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = *size, frames
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.SequenceOfUltrasoundRegions = [_region(size)]
    dataset.PixelData = b"".join([_frame(size, n).tobytes() for n in range(8)] * -(-frames // 8))[
        : frames * size[0] * size[1]
    ]
    dataset.save_as(path, enforce_file_format=True)


def _region(size: tuple[int, int]) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = size[1] // 8, size[0] // 8
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = size[1] * 7 // 8, size[0] * 7 // 8
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX = item.PhysicalDeltaY = 0.02
    return item


def _frame(size: tuple[int, int], seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).rayleigh(40, size).astype(np.float32)
    frame = np.clip(cv2.GaussianBlur(noise, (0, 0), 2) + 20, 20, 200).astype(np.uint8)
    frame[: size[0] // 8] = 0
    return frame


def plain_loop(path: Path, out: Path) -> None:
    """What a notebook does."""
    out.mkdir()
    for number, frame in enumerate(iter_pixels(path)):
        Image.fromarray(frame).save(out / f"{number:05d}.png")


def intake(path: Path, out: Path, jobs: int) -> dict[int, int]:
    """Run the command to its end; the highest resident set of each of its processes, by process id, in MiB."""
    command = [sys.executable, "-m", "trus.cli", "intake", path, "-o", out, "--jobs", str(jobs)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peaks: dict[int, int] = {}
    while process.poll() is None:
        for pid in _family(process.pid):
            peaks[pid] = max(peaks.get(pid, 0), _peak(pid))
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(process.stdout.read() if process.stdout else "trus intake failed")
    return {process.pid: peaks.pop(process.pid), **peaks}


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(member for child in children for member in _family(int(child)))]


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def speed(folder: Path) -> None:
    """The best of interleaved rounds of each way; the time to start the command is measured apart and taken off."""
    path, single = folder / "clip.dcm", folder / "single.dcm"
    write_clip(path, SPEED_SIZE, SPEED_FRAMES)
    write_clip(single, SPEED_SIZE, 1)
    times: dict[str, list[float]] = {"plain": [], "1": [], "2": [], "start": []}
    for n in range(ROUNDS):
        times["plain"].append(_seconds(lambda n=n: plain_loop(path, folder / f"plain{n}")))
        times["start"].append(_seconds(lambda n=n: intake(single, folder / f"start{n}", 1)))
        for jobs in (1, 2):
            times[str(jobs)].append(_seconds(lambda n=n, jobs=jobs: intake(path, folder / f"out{n}_{jobs}", jobs)))
    best = {name: min(values) for name, values in times.items()}
    print(f"speed: {SPEED_FRAMES} frames of {SPEED_SIZE[1]}x{SPEED_SIZE[0]}, 8-bit grey, best of {ROUNDS} rounds, "
          f"{len(os.sched_getaffinity(0))} cores, pydicom {pydicom.__version__}")  # fmt: skip
    print(f"  starting the command and one frame: {best['start']:.1f} s, taken off below")
    plain = SPEED_FRAMES / best["plain"]
    print(f"  plain pydicom + Pillow loop      {plain:7.1f} frames/s")
    for jobs in ("1", "2"):
        rate = (SPEED_FRAMES - 1) / (best[jobs] - best["start"])
        print(f"  trus intake --jobs {jobs}             {rate:7.1f} frames/s, ratio {rate / plain:.2f}")


def memory(folder: Path) -> None:
    """One file at a time, one worker."""
    print(f"memory: one file of frames of {MEMORY_SIZE[1]}x{MEMORY_SIZE[0]}, --jobs 1, highest resident set in MiB")
    print("  frames   file   main process   largest other process")
    for frames in MEMORY_FRAMES:
        path = folder / f"{frames}.dcm"
        write_clip(path, MEMORY_SIZE, frames)
        main_process, *others = intake(path, folder / f"memory{frames}", 1).values()
        print(f"  {frames:6d} {path.stat().st_size / 2**20:6.0f} {main_process:14d} {max(others):23d}", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        speed(Path(name))
        memory(Path(name))


if __name__ == "__main__":
    main()
