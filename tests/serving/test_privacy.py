"""Names planted in an upload are nowhere in the log, in temporary files or in answers."""

import io
import os
import time
from pathlib import Path
from threading import Event, Thread

import httpx
import numpy as np
import pydicom
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from trus.data.images import read_frame

NAME = "Kanareykin"
SPELLINGS = [NAME.encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]


def names_in(content: bytes) -> bool:
    return any(spelling.lower() in content.lower() for spelling in SPELLINGS)


def planted_png(frame: np.ndarray) -> bytes:
    information = PngInfo()
    information.add_text("Comment", NAME, zip=False)
    information.add_itxt("Author", NAME)
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = NAME
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "png", pnginfo=information, exif=exif)
    return buffer.getvalue()


def planted_jpeg(frame: np.ndarray) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = NAME
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "jpeg", exif=exif, comment=NAME.encode())
    return buffer.getvalue()


@pytest.fixture
def uploads(dataset, make_us_dicom) -> dict[str, bytes]:
    """Good and bad files, a name in each."""
    frame = read_frame(dataset / "images" / "p2_0.png")
    dicom = make_us_dicom([frame], PatientName=f"{NAME}^Ivan", PatientID=NAME, StudyDescription=NAME)
    return {
        "png": planted_png(frame),
        "jpeg": planted_jpeg(frame),
        "dicom": dicom,
        "truncated png": planted_png(frame)[:-2000],
        "truncated dicom": dicom[:-2000],
        "broken dicom": dicom[:200] + NAME.encode() * 50,
        "text": NAME.encode() * 100,
    }


class Watch:
    """Looks at every file below some folders, over and over, and keeps those that hold a name or bear one."""

    def __init__(self, *folders: Path) -> None:
        self.folders, self.found, self.looks = folders, set(), 0
        self._end = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.is_set():
            for folder in self.folders:
                for place, _, files in os.walk(folder):
                    for name in files:
                        self._check(Path(place) / name)
            self.looks += 1
            time.sleep(0.002)

    def _check(self, path: Path) -> None:
        try:
            small = path.stat().st_size < 2**20
            if names_in(os.fsencode(path)) or (small and names_in(path.read_bytes())):
                self.found.add(path)
        except OSError:  # gone since
            pass


@pytest.fixture
def private_service(start_service, tmp_path, monkeypatch):
    """A service whose temporary folder is watched."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return start_service()


def test_names_are_nowhere(uploads, private_service, tmp_path):
    own = [path for path in Path("/dev/shm").iterdir() if path.is_dir()]
    with Watch(tmp_path, *own) as watch:
        for content in uploads.values():
            for accept in ("application/json", "image/png", "application/dicom"):
                answer = httpx.post(
                    f"{private_service.address}/v1/segment",
                    files={"file": (f"{NAME}.png", content)},
                    headers={"accept": accept, "user-agent": NAME, "referer": f"http://{NAME}"},
                    timeout=60,
                )
                is_seg = answer.headers["content-type"] == "application/dicom"
                assert names_in(answer.content) == is_seg
                if is_seg:
                    seg = pydicom.dcmread(io.BytesIO(answer.content))
                    assert NAME in str(seg.PatientName)
                    assert "StudyDescription" not in seg
        for query in (f"?model={NAME}", f"?{NAME}=1", f"?threshold={NAME}", f"?classes={NAME}", f"?frames={NAME}"):
            answer = httpx.post(
                f"{private_service.address}/v1/segment{query}",
                content=uploads["png"],
                headers={"content-type": "image/png"},
                timeout=60,
            )
            assert 400 <= answer.status_code < 500
            assert not names_in(answer.content)
        assert not names_in(httpx.get(f"{private_service.address}/metrics").content)
    assert watch.looks > 10
    assert watch.found == set()
    private_service.process.terminate()
    code, log = private_service.end()
    assert code == 0
    assert "/v1/segment" in log
    assert not names_in(log.encode())
    assert list(tmp_path.iterdir()) == []
