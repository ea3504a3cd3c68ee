"""Started by test_orthanc.py inside a network namespace, because Orthanc listens on every interface.

Usage: orthanc_round_trip.py MODEL FOLDER FILE... - store each file in a real Orthanc, query it, retrieve it, have a
real `trus serve` segment it, store the SEG, retrieve that, and compare its pixels with the PNG answer's. Prints a JSON
list, an entry a file.
"""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import highdicom as hd
import httpx
import numpy as np
import pydicom
from dicomweb_client.api import DICOMwebClient
from PIL import Image

from trus.data.classes import Classes

PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
AS_STORED = (("application/dicom", "*"),)


def main(model: str, folder: Path, files: list[Path]) -> None:
    settings = {
        "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"), "HttpPort": 18042,
        "DicomServerEnabled": False, "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
        "Plugins": [PLUGIN], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("w") as log:
        orthanc = subprocess.Popen(["Orthanc", folder / "orthanc.json"], stdout=log, stderr=log)
    command = [sys.executable, "-m", "trus.cli", "serve", "--model", model, "--port", "0", "--threads", "1"]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = service.stdout.readline().split()[-1]
        wait_for("http://127.0.0.1:18042/system")
        client = DICOMwebClient("http://127.0.0.1:18042/dicom-web")
        print(json.dumps([round_trip(client, address, path) for path in files]))
    finally:
        for process in (service, orthanc):
            process.terminate()
            process.wait(30)


def wait_for(address: str) -> None:
    for _ in range(600):
        try:
            httpx.get(address).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)


def round_trip(client: DICOMwebClient, address: str, path: Path) -> dict:
    sent = pydicom.dcmread(path, force=True)
    client.store_instances([sent])
    (found,) = client.search_for_instances(search_filters={"SOPInstanceUID": sent.SOPInstanceUID})
    source = client.retrieve_instance(
        sent.StudyInstanceUID, sent.SeriesInstanceUID, found["00080018"]["Value"][0], media_types=AS_STORED
    )
    buffer = io.BytesIO()
    source.save_as(buffer)
    seg = pydicom.dcmread(io.BytesIO(segment(address, buffer.getvalue(), "application/dicom").content))
    client.store_instances([seg])
    stored = client.search_for_instances(
        sent.StudyInstanceUID, search_filters={"Modality": "SEG", "SOPInstanceUID": seg.SOPInstanceUID}
    )
    back = client.retrieve_instance(
        seg.StudyInstanceUID, seg.SeriesInstanceUID, seg.SOPInstanceUID, media_types=AS_STORED
    )
    masks = [
        np.asarray(Image.open(io.BytesIO(segment(address, buffer.getvalue(), "image/png", frames=str(n)).content)))
        for n in range(2)[: int(source.get("NumberOfFrames") or 1)]
    ]
    return {
        "file": path.name,
        "stored": len(stored),
        "referred": back.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
        == source.SOPInstanceUID,
        "equal": bool(np.array_equal(planes_of(back, source, len(masks)), expected(masks))),
        "segmented": int(sum(mask.any() for mask in masks)),
    }


def segment(address: str, content: bytes, accept: str, **options: str) -> httpx.Response:
    answer = httpx.post(
        f"{address}/v1/segment",
        params={"frames": "0-1"[: 3 if many(content) else 1], "threshold": "0.2"} | options,
        content=content,
        headers={"accept": accept, "content-type": "application/dicom"},
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    return answer


def many(content: bytes) -> bool:
    return int(pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True).get("NumberOfFrames") or 1) > 1


def planes_of(back: pydicom.Dataset, source: pydicom.Dataset, frames: int) -> np.ndarray:
    seg = hd.seg.Segmentation.from_dataset(back)
    if "NumberOfFrames" in source:
        return seg.get_pixels_by_source_frame(source.SOPInstanceUID, [*range(1, frames + 1)])
    return seg.get_pixels_by_source_instance([source.SOPInstanceUID])


def expected(masks: list[np.ndarray]) -> np.ndarray:
    classes = Classes.from_dict({"labels": {"1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}})
    return np.stack([np.moveaxis(classes.planes(mask), 0, -1) for mask in masks])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
