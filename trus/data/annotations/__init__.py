"""Annotation formats: each importer turns what an annotation tool wrote into a manifest with its masks."""

from trus.data.annotations.masks import ImportSummary, import_masks

FORMATS = {"masks": ("a folder of frames and a folder of label masks with the same names", import_masks)}
"""Format name -> what it is, and the function that imports it; a new format is a module and a line here."""

__all__ = ["FORMATS", "ImportSummary", "import_masks"]
