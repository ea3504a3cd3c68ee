"""Which of several answers a client prefers: the header Accept (RFC 9110, 12.5.1)."""

from collections.abc import Sequence

from trus.serving.problems import Problem

JSON, PNG, DICOM, ZIP = "application/json", "image/png", "application/dicom", "application/zip"


def preferred(accept: str | None, offered: Sequence[str], why_not: str = "") -> str:
    """The media type of `offered` with the highest q-value; among equals the first. Without a header, the first.

    Raises Problem 406 that names them where none is accepted; `why_not` says why others are not offered.
    """
    ranges = _ranges(accept or "*/*")
    quality = {media_type: _quality(media_type, ranges) for media_type in offered}
    best = max(offered, key=quality.__getitem__)
    if quality[best] <= 0:
        detail = f"the header Accept allows none of {', '.join(offered)}" + f" ({why_not})" * bool(why_not)
        raise Problem(406, "No such answer", detail, "not-acceptable")
    return best


def _ranges(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights = [text[2:].strip() for text in parameters if text.startswith("q=")]
        found.append(("*/*" if name == "*" else name, _number(weights[0]) if weights else 1.0))
    return found


def _number(text: str) -> float:
    """A q-value; one that is none accepts nothing."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """Of the most specific range that the type lies in."""
    for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        weights = [quality for media_range, quality in ranges if media_range == name]
        if weights:
            return max(weights)
    return 0.0
