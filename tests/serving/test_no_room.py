"""A full /dev/shm, where deflated DICOM files are inflated, refuses such an upload and no other."""

import os
import subprocess
import sys

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.serving.test_hostile_dicom import dicom
from tests.serving.test_uploads import NOISE

IN_SMALL_ROOM = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$@"', "sh"]
ASK = """
import asyncio, sys
from trus.serving.problems import Problem
from trus.serving.settings import ServeSettings
from trus.serving.decoding.decoder import Decoder

async def ask():
    decoder = Decoder(ServeSettings())
    for path in sys.argv[1:]:
        try:
            with await decoder.open(open(path, "rb").read()) as opened:
                print(200, opened.size)
        except Problem as problem:
            print(problem.status, problem.detail)
    decoder.close()

asyncio.run(ask())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="root only makes a small file system")
def test_an_upload_that_finds_no_room_is_refused(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (512, 512), np.uint8).tobytes()
    deflated = dicom(DeflatedExplicitVRLittleEndian, pixels, Rows=512, Columns=512)
    paths = [tmp_path / name for name in ("deflated", "other")]
    for path, content in zip(paths, (deflated, NOISE), strict=True):
        path.write_bytes(content)
    if subprocess.run([*IN_SMALL_ROOM, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount name space here")
    command = [sys.executable, "-c", ASK, *map(str, paths)]
    said = subprocess.run([*IN_SMALL_ROOM, *command], check=True, capture_output=True, text=True).stdout
    assert said.splitlines() == ["413 the file needs more memory than there is", "200 (50, 60)"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.startswith("200 (512, 512)")
