"""Request bodies with files: read as they come into anonymous memory, their names forgotten at once.

Starlette's own parser would write files of more than a megabyte to disk and keep what they were called.
"""

from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from trus.serving.memory import Memory, Upload
from trus.serving.problems import Problem

MOST_FIELDS = 32
FIELD_BYTES = 16 * 1024
RAW = (
    *("application/octet-stream", "application/dicom", "image/png", "image/jpeg", "image/bmp", "image/tiff"),
    *("video/mp4", "video/x-msvideo"),
)
"""Content types of a body that is one file, its options in the query string."""


class Form:
    """What a request brought: `fields` by name, each once, and `files` in order. Close it, or take its files."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.fields: dict[str, str] = {}
        self.files: list[Upload] = []

    def __enter__(self) -> "Form":
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()

    def add(self, name: str, value: str) -> None:
        """Add a field. Raises Problem 422 where it is given twice."""
        if name in self.fields:
            raise Problem(422, "Parameters do not fit", "an option is given twice", "parameters")
        self.fields[name] = value

    def begin_file(self) -> Upload:
        """A further file, empty as yet. Raises Problem 503."""
        self.files.append(Upload(self._memory))
        return self.files[-1]

    def close(self) -> None:
        """Give the files' memory back."""
        for file in self.files:
            file.close()

    def one_file(self) -> Upload:
        """The only file. Raises Problem 422 where there is none."""
        if not self.files:
            raise Problem(422, "No file", "send one file as the form's part `file`", "parameters")
        return self.files[0]


async def read_form(request: Request, memory: Memory, most_files: int = 1) -> Form:
    """The parts of a multipart/form-data body, or a body that is itself one file, and the query string's options.

    How large a body may be is checked before it comes here (`limits.BodyLimit`); its files count as `memory` from each
    piece that comes. Raises Problem 400 for a damaged body, 413, 429 and 503 where there is no memory for it, 415 for
    another content type, 422 for more than `most_files` files, MOST_FIELDS fields, or a field of more than FIELD_BYTES.
    """
    memory.check(int(request.headers.get("content-length", 0)))
    form = Form(memory)
    try:
        for name, value in request.query_params.multi_items():
            form.add(name, value)
        reader = _reader(request.headers.get("content-type", ""), form, most_files)
        async for piece in request.stream():
            reader.write(piece)
        reader.end()
    except ClientDisconnect:
        form.close()
        raise Problem(400, "Cut short", "the body ended before its end", "malformed-body") from None
    except BaseException:
        form.close()
        raise
    return form


def _reader(content_type: str, form: Form, most_files: int) -> "_Parts | _Raw":
    kind, parameters = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        return _Parts(parameters.get(b"boundary", b""), form, most_files)
    if kind.decode("latin-1") in RAW:
        return _Raw(form)
    known = ", ".join(("multipart/form-data", *RAW))
    raise Problem(415, "Not read here", f"the body must be one of: {known}", "unsupported-body")


class _Raw:
    """A body that is one file."""

    def __init__(self, form: Form) -> None:
        self._file = form.begin_file()

    def write(self, piece: bytes) -> None:
        self._file.write(piece)

    def end(self) -> None:
        """Nothing follows."""


class _Parts:
    """A form on its way in."""

    def __init__(self, boundary: bytes, form: Form, most_files: int) -> None:
        self._form, self._most_files = form, most_files
        self._header: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._field: tuple[str, bytearray] | None = None
        self._fields, self._whole = 0, False
        callbacks: Any = {name: getattr(self, f"_{name}") for name in _CALLBACKS}
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except (FormParserError, ValueError):
            raise _malformed() from None

    def write(self, piece: bytes) -> None:
        """Read on. Raises Problem."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise _malformed() from None

    def end(self) -> None:
        """Raises Problem 400 where the last boundary has not come."""
        if not self._whole:
            raise _malformed()

    def _on_part_begin(self) -> None:
        self._header = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._header[self._name.lower()] = self._value
        self._name = self._value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._header.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name == "file" or b"filename" in options:
            if name != "file" or len(self._form.files) == self._most_files:
                most = "one file" if self._most_files == 1 else f"at most {self._most_files} files"
                raise Problem(422, "Parameters do not fit", f"send {most}, as the form's part `file`", "parameters")
            self._form.begin_file()
            self._field = None
            return
        self._fields += 1
        if self._fields > MOST_FIELDS:
            raise Problem(422, "Parameters do not fit", f"more than {MOST_FIELDS} options", "parameters")
        self._field = name, bytearray()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._form.files[-1].write(data[start:end])
            return
        value = self._field[1]
        value += data[start:end]
        if len(value) > FIELD_BYTES:
            raise Problem(422, "Parameters do not fit", f"an option of more than {FIELD_BYTES} bytes", "parameters")

    def _on_part_end(self) -> None:
        if self._field is not None:
            name, value = self._field
            self._form.add(name, value.decode("utf-8", "replace"))

    def _on_end(self) -> None:
        self._whole = True


_CALLBACKS = (
    *("on_part_begin", "on_part_data", "on_part_end", "on_header_field", "on_header_value", "on_header_end"),
    *("on_headers_finished", "on_end"),
)


def _malformed() -> Problem:
    return Problem(400, "Malformed body", "the body is no whole multipart/form-data", "malformed-body")
