"""Calling the libraries that decode: nothing that they print, log or raise may carry a name out of a raw file."""

import contextlib
import errno
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from trus.errors import IntakeError, OversizeError

T = TypeVar("T")
_NO_ROOM = "needs more memory than there is"
_NO_ROOM_CODES = (errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def quietly(words: str, call: Callable[..., T], *arguments: Any) -> T:
    """`call(*arguments)` with libraries silenced; whatever they raise becomes IntakeError(words).

    An IntakeError keeps its own words. Neither has a cause or a context: they would hold the library's message, which
    may quote tags and paths.
    """
    failure: type[IntakeError] = IntakeError
    reason = words
    with _silence.entered():
        try:
            return call(*arguments)
        except IntakeError as error:
            error.__context__ = None
            raise
        except RecursionError:
            reason = "sequences nested too deeply"
        except ModuleNotFoundError:
            reason = "needs packages that are not installed: pip install 'trus[data]'"
        except MemoryError:
            failure, reason = OversizeError, _NO_ROOM
        except OSError as error:  # of the folder that a file is inflated into
            if error.errno in _NO_ROOM_CODES:
                failure, reason = OversizeError, _NO_ROOM
        except Exception:  # noqa: BLE001 - what damaged files make the decoders raise is not documented
            pass
    raise failure(reason)


class _Silence:
    """Warnings, pydicom's log and the process's stderr, off while anyone is inside.

    All three belong to the whole process, so that threads share one silence: the first to enter begins it and the last
    to leave ends it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._undo = ExitStack()

    @contextmanager
    def entered(self) -> Iterator[None]:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._begin()
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    self._undo.close()

    def _begin(self) -> None:
        self._undo.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        logger = logging.getLogger("pydicom")
        self._undo.callback(logger.setLevel, logger.level)
        logger.setLevel(logging.CRITICAL + 1)
        with contextlib.suppress(OSError):  # a process without stderr (a service) has nothing to keep back
            self._redirect_stderr()

    def _redirect_stderr(self) -> None:
        """C and C++ decoders write to the file descriptor, past `sys.stderr`."""
        if sys.stderr is not None:
            sys.stderr.flush()
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        self._undo.callback(os.close, kept)
        self._undo.callback(os.dup2, kept, 2)


_silence = _Silence()


def silence_process() -> None:
    """End what this whole process says, and what its libraries say past Python, for good."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
