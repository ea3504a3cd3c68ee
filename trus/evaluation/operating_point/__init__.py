"""Thresholds and post-processing chosen on out-of-fold predictions, and written into model files."""

from trus.evaluation.operating_point.choice import Choice, ClassChoice
from trus.evaluation.operating_point.choose import choose_operating_point
from trus.evaluation.operating_point.store import store_operating_point

__all__ = ["Choice", "ClassChoice", "choose_operating_point", "store_operating_point"]
