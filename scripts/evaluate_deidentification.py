"""How well the sector and burnt-in text are found: `python scripts/evaluate_deidentification.py FOLDER...`.

Every image below each folder is a frame (names with "mask" or "Annotation" are left out). Where the folder has a
manifest.csv with regions, such as that of `trus phantom`, the boxes are compared with them. The text is synthetic:
made-up names are drawn onto the real frames in which nothing was found. A frame in which something is found is not
always a false alarm: it is named, so that somebody looks.
"""

import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from trus.data.images import frame_files, read_frame
from trus.data.intake.burnt_in import find_text
from trus.data.intake.sector import find_sector

NAMES = ("Ivanov A.", "SMITH, JOHN", "Petrova", "12975-20-2", "GARCIA M", "0457913", "Li Wei", "14.03.1958", "MUELLER")
COLOURS = {"white": (255, 255, 255), "yellow": (255, 230, 60), "grey": (170, 170, 170), "light blue": (150, 200, 255)}
FONTS = ("OpenCV", "TrueType", "aliased", "bitmap")


def draw(text: str, font: str, height: int) -> np.ndarray:
    """How much of each pixel the text covers, uint8 (h, w); capitals about `height` pixels high."""
    if font == "OpenCV":
        canvas = np.zeros((3 * height + 20, 20 * len(text) + 2 * height * len(text)), np.uint8)
        scale = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, height, 1)
        thickness = 1 + height // 16
        cv2.putText(canvas, text, (9, 2 * height), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
    else:
        kind = ImageFont.load_default_imagefont() if font == "bitmap" else ImageFont.load_default(height / 0.72)
        image = Image.new("L", (2 * height * len(text) + 20 * len(text), 3 * height + 20))
        pen = ImageDraw.Draw(image)
        pen.fontmode = "1" if font == "aliased" else "L"
        pen.text((9, 9), text, 255, font=kind)
        canvas = np.asarray(image)
        if font == "bitmap":
            canvas = np.kron(canvas, np.ones((max(1, height // 8),) * 2, np.uint8))
    x, y, width, wide = cv2.boundingRect(cv2.findNonZero(canvas))
    return np.pad(canvas[y : y + wide, x : x + width], 2)


def plant(frame: np.ndarray, within: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, dict] | None:
    """Draw one made-up name where `within` holds; the frame and what was drawn, or None where it does not fit."""
    kind = {
        "font": str(rng.choice(FONTS)),
        "colour": str(rng.choice(list(COLOURS))),
        "outline": "outline" if rng.random() < 0.3 else "no outline",
        "opacity": float(rng.choice([1.0, 1.0, 0.7])),
        "height": int(rng.integers(8, 41)),
    }
    ink = draw(str(rng.choice(NAMES)), kind["font"], kind["height"])
    room = cv2.erode(np.pad(within, 1).view(np.uint8), np.ones(ink.shape), anchor=(0, 0))[1:-1, 1:-1]
    places = np.argwhere(room)
    if not len(places):
        return None
    y, x = places[rng.integers(len(places))]
    y1, x1 = y + ink.shape[0], x + ink.shape[1]
    colour = np.array(COLOURS[kind["colour"]] if frame.ndim == 3 else max(COLOURS[kind["colour"]]), np.float32)
    planted = frame.astype(np.float32)
    part = planted[y:y1, x:x1].reshape(*ink.shape, -1)
    if kind["outline"] == "outline":
        part *= 1 - kind["opacity"] * cv2.dilate(ink, np.ones((3, 3)))[..., None] / 255.0
    cover = kind["opacity"] * ink[..., None] / 255.0
    kind |= {"box": (x, y, x1, y1), "contrast": float(kind["opacity"] * abs(colour.max() - part.mean()))}
    planted[y:y1, x:x1] = (part * (1 - cover) + colour * cover).reshape(planted[y:y1, x:x1].shape)
    return np.rint(planted).astype(np.uint8), kind


def overlap(a: tuple, b: tuple) -> float:
    """Intersection over union of two boxes."""
    sides = [max(0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return sides[0] * sides[1] / (sum(areas) - sides[0] * sides[1])


def regions(folder: Path) -> dict[Path, tuple]:
    """The true boxes of a folder's manifest, by image; empty without one."""
    if not (folder / "manifest.csv").is_file():
        return {}
    table = pd.read_csv(folder / "manifest.csv")
    columns = table[["region_x0", "region_y0", "region_x1", "region_y1"]]
    return {folder / image: tuple(box) for image, box in zip(table["image"], columns.to_numpy(), strict=True)}


def evaluate(folder: Path, rng: np.random.Generator) -> list[dict]:
    """Print one folder's counts; returns what was planted and whether it was found."""
    truth, shapes, ious, alarms, planted, spent = regions(folder), [], [], [], [], 0.0
    paths = [path for path in frame_files(folder) if not {"mask", "masks"} & {*path.stem.split("_"), *path.parts}]
    for path in (path for path in paths if "Annotation" not in path.name):
        frame = read_frame(path)
        start = time.process_time()
        sector = find_sector(frame)
        within = np.ones(frame.shape[:2], bool) if sector is None else sector.mask(frame.shape[:2])
        found = find_text(frame, within)
        spent += time.process_time() - start
        shapes.append(sector.shape if sector else "refused")
        if sector and path in truth:
            ious.append(overlap(sector.box, truth[path]))
        if found:
            alarms.append(path.name)
        elif drawn := plant(frame, within, rng):
            hit = any(overlap(box, drawn[1]["box"]) > 0 for box in find_text(drawn[0], within))
            planted.append(drawn[1] | {"found": hit})
    counts = ", ".join(f"{shapes.count(shape)} {shape}" for shape in ("fan", "rectangle", "refused"))
    print(f"{folder}: {len(shapes)} frames; sector: {counts}; {1e3 * spent / max(1, len(shapes)):.0f} ms a frame")
    if ious:
        print(f"  IoU of the box with the manifest's: median {np.median(ious):.3f}, smallest {min(ious):.3f}")
    print(f"  text found in {len(alarms)} frames as they are: {', '.join(alarms[:12])}{' ...' * (len(alarms) > 12)}")
    return planted


def main() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame([kind for folder in sys.argv[1:] for kind in evaluate(Path(folder), rng)])
    table["size"] = pd.cut(table["height"], [0, 12, 20, 40], labels=["8-12 px", "13-20 px", "21-40 px"])
    table["legible"] = np.where(table["contrast"] < 40, "contrast below 40", "contrast from 40")
    print(f"synthetic names planted: {len(table)}, found {table['found'].mean():.1%}")
    for column in ("legible", "size", "font", "colour", "outline", "opacity"):
        rows = table.groupby(column, observed=True)["found"].agg(["mean", "size"])
        print("  " + "; ".join(f"{name}: {row['mean']:.1%} of {row['size']:.0f}" for name, row in rows.iterrows()))


if __name__ == "__main__":
    main()
