"""Annotation formats: each importer turns what an annotation tool wrote into a manifest with its masks."""

from trus.data.annotations.masks import ImportSummary, import_masks

FORMATS = {"masks": "a folder of frames and a folder of label masks with the same names"}
"""Format name -> what it is; a new format is a module here, a line here and its import function."""

__all__ = ["FORMATS", "ImportSummary", "import_masks"]
