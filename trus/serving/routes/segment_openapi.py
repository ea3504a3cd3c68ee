"""What the OpenAPI document says of /v1/segment: its body, read as it comes, is not described by a signature."""

from typing import Any

from trus.inference.metadata import STATEMENT
from trus.serving.answers.document import Segmentation
from trus.serving.requests.multipart import RAW

OPTIONS: dict[str, dict[str, Any]] = {
    "model": {"type": "string", "description": "Its name (GET /v1/models); without it, the first"},
    "threshold": {
        "type": "string",
        "description": "For all classes, or by class: `0.4` or `gland=0.5,lesion=0.3`; without it, the model's own",
    },
    "classes": {"type": "string", "description": "Only these, by name: `lesion`"},
    "frames": {
        "type": "string",
        "description": "Numbers from 0, and first-last: `0-9,20`. Without it: all (JSON, DICOM) or the first (PNG)",
    },
    "spacing": {"type": "string", "description": "mm a pixel, ROW,COLUMN, for areas in mm2: `0.12,0.12`"},
    "region": {
        "type": "string",
        "description": "Where the tissue is: `x0,y0,x1,y1` in pixels; `file`: the regions that a DICOM file names; "
        "`whole`; or `auto`, the default: as `file` if the model was trained on cropped frames",
    },
}

_BINARY = {"schema": {"type": "string", "format": "binary"}}

REQUEST_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": "PNG, JPEG, BMP, TIFF, DICOM, AVI or MP4",
                    },
                    **OPTIONS,
                },
            }
        },
        **dict.fromkeys(RAW, _BINARY),
    },
}

_EXAMPLE = {
    "statement": STATEMENT,
    "trus_version": "0.5.0",
    "model": {"name": "tiny", "sha256": "9f2c" * 16},
    "kind": "png",
    "frames_held": 1,
    "frames": [
        {
            "frame": 0,
            "width": 4,
            "height": 3,
            "regions": [],
            "spacing_mm": [0.2, 0.2],
            "spacing_note": "",
            "notes": [],
            "classes": [
                {
                    "name": "lesion",
                    "value": 1,
                    "threshold": 0.5,
                    "area_px": 2,
                    "area_mm2": 0.08,
                    "bounding_box": [1, 1, 3, 2],
                    "mean_probability": 0.81,
                    "rle": {"size": [3, 4], "counts": "41202"},
                    "components": [
                        {
                            "area_px": 2,
                            "area_mm2": 0.08,
                            "bounding_box": [1, 1, 3, 2],
                            "mean_probability": 0.81,
                            "outer": [[[1, 1], [3, 1], [3, 2], [1, 2]]],
                            "holes": [],
                        }
                    ],
                }
            ],
            "timings_ms": {"decode": 6.1, "segment": 210.4, "encode": 0.8},
        }
    ],
}

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Segmentation,
        "description": "Masks, outlines and numbers; or the mask of one frame, label values in the frame's own size; "
        "or, of a DICOM file, a DICOM SEG that refers to it",
        "content": {"application/json": {"example": _EXAMPLE}, "image/png": _BINARY, "application/dicom": _BINARY},
    }
}
