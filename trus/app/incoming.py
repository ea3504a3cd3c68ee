"""Bodies of requests: small ones, and files of whatever type a browser says."""

from starlette.requests import ClientDisconnect, Request

from trus.serving.memory import Memory, Upload
from trus.serving.problems import Problem


def declared_size(request: Request) -> int:
    """Content-Length; 0 without."""
    return int(request.headers.get("content-length", 0))


async def read_small(request: Request, most: int) -> bytes:
    """The body. Raises Problem 413 beyond `most` bytes."""
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > most:
            raise Problem(413, "Too large", f"at most {most} bytes are read here", "too-large")
    return content


async def read_file(request: Request, memory: Memory) -> Upload:
    """The body, held in memory. Raises Problem 400 where it is cut short, 413, 429 and 503 where it finds no room."""
    memory.check(declared_size(request))
    upload = Upload(memory)
    try:
        async for piece in request.stream():
            upload.write(piece)
    except BaseException as error:
        upload.close()
        if isinstance(error, ClientDisconnect):
            raise Problem(400, "Cut short", "the file ended before its end", "malformed-body") from None
        raise
    return upload
