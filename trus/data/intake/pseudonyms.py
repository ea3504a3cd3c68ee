"""Keyed pseudonyms: the same key gives the same name for the same patient, and without the key no way back."""

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from trus.errors import IntakeError


@dataclass(frozen=True)
class Pseudonyms:
    """HMAC-SHA256 under one secret key of 32 bytes; each kind of thing has names of its own."""

    key: bytes

    def patient(self, patient_id: str) -> str:
        """`P-` and 10 hex digits; Unicode forms and outer spaces of the id make no difference."""
        return f"P-{self._digest('patient', normalised(patient_id))[:10]}"

    def file(self, content_hash: str) -> str:
        """10 hex digits for a file's content, given as its SHA-256."""
        return self._digest("file", content_hash)[:10]

    def path(self, path: Path) -> str:
        """10 hex digits for a file whose content cannot be read."""
        return self._digest("path", os.fspath(path))[:10]

    def device(self, device: str) -> str:
        """`D-` and 4 hex digits."""
        return f"D-{self._digest('device', normalised(device))[:4]}"

    def identity(self, identity: tuple[str, ...]) -> tuple[str, ...]:
        """Each text as 16 hex digits, empty where it is empty: two people can be told apart, nobody can be read."""
        return tuple(
            self._digest(f"identity {n}", normalised(text).casefold())[:16] if text.strip() else ""
            for n, text in enumerate(identity)
        )

    def check(self) -> str:
        """Tells one key from another without giving it away."""
        return self._digest("key", "")[:16]

    def _digest(self, kind: str, text: str) -> str:
        return hmac.new(self.key, f"{kind}\0{text}".encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def is_image_id(text: str) -> bool:
    """Whether a text has the form of a frame's id: patient, file, frame, and region where there are several."""
    return re.fullmatch(r"(P-[0-9a-f]{10}|unknown)_[0-9a-f]{10}_[0-9]{5}[a-z]?", text) is not None


def normalised(text: str) -> str:
    """One Unicode form: macOS decomposes letters such as the Cyrillic short i in names of folders."""
    return unicodedata.normalize("NFC", text).strip()


def load_key(path: Path) -> Pseudonyms:
    """Read a key file: 64 hex digits. Raises IntakeError."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise IntakeError(f"--key: the key file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        text = ""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise IntakeError("--key: the key file holds no key of 64 hex digits; a new file is made where there is none")
    return Pseudonyms(bytes.fromhex(text))


def make_key(path: Path) -> Pseudonyms:
    """Write a fresh random key, readable by its owner alone, and never over another. Raises IntakeError."""
    key = secrets.token_bytes(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise IntakeError(f"--key: the key file cannot be written ({error.strerror})") from None
    return Pseudonyms(key)
