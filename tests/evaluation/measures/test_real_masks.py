"""Boundary metrics on masks that people drew (breast lesions; not cancer on transrectal ultrasound)."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from medpy.metric.binary import assd, hd95
from surface_distance import compute_surface_dice_at_tolerance, compute_surface_distances

from trus.data.images import read_mask
from trus.evaluation.measures.boundaries import boundary_distance

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "busi_subset"


@pytest.mark.real_data
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is absent")
@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")  # of the reference
def test_real_outlines_have_the_distances_of_both_references():
    compared = 0
    for path in sorted(FOLDER.glob("malignant/*_mask.png"))[:12]:
        reference = read_mask(path) > 0
        turn = cv2.getRotationMatrix2D((reference.shape[1] / 2, reference.shape[0] / 2), 6, 1.05)
        predicted = cv2.warpAffine(reference.astype(np.uint8), turn, reference.shape[::-1]) > 0
        if not (reference.any() and predicted.any()):
            continue
        spacing = (0.07, 0.11)
        found = boundary_distance(predicted, reference, spacing, (1.003,))
        theirs = compute_surface_distances(reference, predicted, spacing)
        assert found.hd95 == pytest.approx(hd95(predicted, reference, spacing))
        assert found.assd == pytest.approx(assd(predicted, reference, spacing))
        assert found.nsd[0] == pytest.approx(compute_surface_dice_at_tolerance(theirs, 1.003))
        compared += 1
    assert compared >= 8
