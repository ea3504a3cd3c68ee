"""Tokens of the web API: read once, kept as digests."""

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path

from trus.errors import ConfigError

SHORTEST = 16


def read_tokens(path: Path, warn: Callable[[str], None]) -> tuple[str, ...]:
    """SHA-256 digests, in hex, of the file's tokens: one a line, at least 16 characters, no spaces.

    `warn` is told of a file that other users may read (it may be meant so: container secrets are). Raises ConfigError,
    which names lines by number, never their text.
    """
    try:
        text = path.read_text("ascii")
    except OSError as error:
        raise ConfigError(f"--token-file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"--token-file {path}: tokens are ASCII letters, digits and signs") from error
    lines = {number: line.strip() for number, line in enumerate(text.splitlines(), 1) if line.strip()}
    wrong = [str(number) for number, token in lines.items() if len(token) < SHORTEST or not _is_plain(token)]
    if wrong or not lines:
        reason = f"line {', '.join(wrong)}: " if wrong else "holds no token: "
        make = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        raise ConfigError(f"--token-file {path}: {reason}at least {SHORTEST} characters, no spaces; {make}")
    if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        warn(f"warning: {path} can be read by other users of this machine; chmod 600 it")
    return tuple(hashlib.sha256(token.encode()).hexdigest() for token in lines.values())


def _is_plain(token: str) -> bool:
    return token.isprintable() and " " not in token
