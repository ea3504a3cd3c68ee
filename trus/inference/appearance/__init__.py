"""What a model's training frames looked like, in a few numbers, and whether another frame looks like them.

Simple statistics of the picture and their robust ranges over the training frames: enough to notice a dark frame, a
photograph, a page or most other modalities, and no more. A frame within all ranges need not suit the model.
`scripts/evaluate_appearance.py` measures how many frames of the same kind are warned of, and how many of others.
"""

from trus.inference.appearance.measures import Measures, measure_frame
from trus.inference.appearance.ranges import Appearance, summarise
from trus.inference.appearance.unlike import FrameWarning, unlike, warnings_for

__all__ = ["Appearance", "FrameWarning", "Measures", "measure_frame", "summarise", "unlike", "warnings_for"]
