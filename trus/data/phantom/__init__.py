"""Synthetic transrectal ultrasound frames with gland and lesion masks: nothing in here comes from a person.

The scene is anatomy in millimetres (`anatomy`, `tissue`), a convex probe insonifies it in beam space (`physics`), and
the sector is scan-converted onto a screen (`screen`) with the settings of one of two made-up devices (`devices`).
"""

from trus.data.phantom.writer import write_phantom

__all__ = ["write_phantom"]
