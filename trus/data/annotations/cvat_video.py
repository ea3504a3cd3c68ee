"""CVAT for video: tracks, whose shapes hold from their keyframe to the next."""

from collections import defaultdict
from pathlib import PurePosixPath

from trus.data.annotations.cvat_xml import CvatFile, Holder, Shape, shapes_of
from trus.data.annotations.exchange import AnnotatedFrame
from trus.data.annotations.shapes import Shapes, whole
from trus.data.annotations.sources import Pictures, picture_size
from trus.data.images import image_size
from trus.errors import AnnotationError, ImageError

MAX_FRAMES = 100_000
_MAX_PLACED = 2_000_000

Entry = tuple[str, str, Shape]


def video_frames(content: CvatFile, pictures: Pictures, notes: list[str]) -> list[tuple[AnnotatedFrame, Shapes]]:
    """The frames of a video task, named frame_NNNNNN as CVAT names them, with what its tracks show on each.

    A track shows its last shape before or on a frame, unless that is `outside`. CVAT writes a shape on every frame
    that it interpolates; where a file leaves frames between two keyframes out, the earlier one holds and a note says
    so. Raises AnnotationError: several videos in one file, no size, frames beyond MAX_FRAMES, or pictures of a task
    made from images, whose names are not in this format.
    """
    if not content.tracks:
        return []
    if len({track.attributes.get("task_id") for track in content.tracks}) > 1:
        raise AnnotationError("the file holds several videos, whose frames share their numbers; export task by task")
    numbers = _numbers(content)
    shown = _shown(content.tracks, numbers, notes)
    found = {number: pictures.find(f"frame_{number:06d}") for number in numbers}
    if pictures.files and not any(found.values()):
        raise AnnotationError(
            "tracks of a task made from images: this format does not name them; export as CVAT for images 1.1"
        )
    frames = []
    for number in numbers:
        path = found[number]
        name = PurePosixPath(path).name if path else f"frame_{number:06d}.png"
        size = _size(content, pictures, path)
        shapes = shapes_of(shown[number], size, name)
        image = pictures.files[path] if path else None
        frames.append((AnnotatedFrame(name=name, draw=shapes.draw, size=size, image=image), shapes))
    return frames


def _numbers(content: CvatFile) -> list[int]:
    """The frames of the task: from its first to its last by its step, or those that the tracks name."""
    start, stop = content.told("start_frame"), content.told("stop_frame")
    used = {_frame(shape) for track in content.tracks for shape in track.shapes}
    if len(start) != 1 or len(stop) != 1:
        return sorted(used)
    step = next((text[5:] for text in content.told("frame_filter") if text.startswith("step=")), "1")
    numbers = range(whole(start[0], "start_frame"), whole(stop[0], "stop_frame") + 1, max(whole(step, "step"), 1))
    if len(numbers) > MAX_FRAMES or numbers.start < 0:
        raise AnnotationError(f"a video of {len(numbers)} frames; at most {MAX_FRAMES} are read")
    return sorted({*numbers, *used})


def _frame(shape: Shape) -> int:
    number = whole(shape.attributes.get("frame"), "frame")
    if not 0 <= number < 10**9:
        raise AnnotationError(f"a shape is on frame {number}")
    return number


def _shown(tracks: list[Holder], numbers: list[int], notes: list[str]) -> dict[int, list[Entry]]:
    place = {number: k for k, number in enumerate(numbers)}
    shown: dict[int, list[Entry]] = defaultdict(list)
    placed = 0
    for count, track in enumerate(tracks, 1):
        name = track.attributes.get("label", "")
        shapes = sorted(track.shapes, key=_frame)
        ends = [place[_frame(shape)] for shape in shapes[1:]] + [len(numbers)]
        for shape, end in zip(shapes, ends, strict=True):
            if shape.attributes.get("outside") == "1":
                continue
            held = numbers[place[_frame(shape)] : end]
            placed += len(held)
            if placed > _MAX_PLACED:
                raise AnnotationError(f"its tracks show more than {_MAX_PLACED} shapes; export it in parts")
            if len(held) > 1 and end < len(numbers):
                notes.append("between keyframes the earlier shape holds where the file has no shape for a frame")
            for number in held:
                shown[number].append((f"track {count}", name, shape))
    return shown


def _size(content: CvatFile, pictures: Pictures, path: str | None) -> tuple[int, int]:
    heights, widths = content.told("original_size/height"), content.told("original_size/width")
    if len(heights) == 1 and len(widths) == 1:
        return picture_size(whole(heights[0], "height"), whole(widths[0], "width"))
    if path is None:
        raise AnnotationError("the file states no size of the video and a picture is not there")
    try:
        return image_size(pictures.files[path])
    except ImageError as error:
        raise AnnotationError(str(error)) from error
