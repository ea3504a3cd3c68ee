"""application/dicom in and out, against a real Orthanc (Debian: orthanc, orthanc-dicomweb)."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trus.data.images import read_frame

SCRIPT = Path(__file__).with_name("orthanc_round_trip.py")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
REAL = Path(__file__).parents[3] / "shared" / "data" / "dicom_us"
IN_NAMESPACE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


@pytest.fixture
def round_trip(tiny_model, tmp_path):
    """Run the script over files; skips where Orthanc or the privileges for a network namespace are missing."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        pytest.skip("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    if shutil.which("ip") is None:
        pytest.skip("there is no ip command here: apt-get install iproute2")
    allowed = subprocess.run([*IN_NAMESPACE, "true"], capture_output=True, check=False)
    if allowed.returncode:
        pytest.skip("a network namespace of its own, which Orthanc needs, is not permitted here")

    def run(*files: Path) -> list[dict]:
        (tmp_path / "db").mkdir()
        command = [*IN_NAMESPACE, sys.executable, SCRIPT, f"tiny={tiny_model.onnx}", tmp_path, *files]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
        return json.loads(done.stdout.splitlines()[-1])

    return run


def check(results: list[dict], files: list[Path]) -> None:
    assert [result["file"] for result in results] == [file.name for file in files]
    for result in results:
        assert (result["stored"], result["referred"], result["equal"]) == (1, True, True), result


def test_a_made_clip_goes_round(round_trip, dataset, make_us_dicom, tmp_path):
    frames = [read_frame(dataset / "images" / f"p{n}_0.png") for n in (2, 4)]
    path = tmp_path / "clip.dcm"
    path.write_bytes(make_us_dicom(frames))
    results = round_trip(path)
    check(results, [path])
    assert results[0]["segmented"] == 2


@pytest.mark.real_data
def test_real_files_go_round(round_trip):
    if not REAL.is_dir():
        pytest.skip("../shared/data is not here")
    files = [
        REAL / name
        for name in (
            *("OBXXXX1A_rle_2frame.dcm", "OBXXXX1A.dcm", "US1_J2KR.dcm", "gdcm-US-ALOKA-16.dcm"),
            "examples_ybr_color.dcm",
        )
    ]
    check(round_trip(*files), files)
