"""What an operator decides of the service; everything else follows from the model files."""

from dataclasses import dataclass

from trus.errors import ConfigError

MIB = 1024 * 1024


@dataclass(frozen=True)
class ServeSettings:
    """Address, limits and secrets of one service.

    `tokens` are SHA-256 digests in hex, never the tokens themselves; empty: no token is asked for. `max_bytes` bounds
    one request's body, `max_memory` what is held of all requests together (uploads, results of jobs, of which jobs have
    half), `max_pixels` one frame, `max_frames` one upload. `queue`: requests in hand for a model, from before their
    upload is decoded until they are answered, at least 1. `timeout_s`: waiting and computing of one request. `drain_s`:
    from SIGTERM to the exit.
    `allowed_hosts`: names by which a proxy asks, beside loopback names and the own address. `threads`: cores of a
    model's session (None: all that this process may use). `decoders`: processes that read uploads.
    """

    host: str = "127.0.0.1"
    port: int = 8321
    tokens: tuple[str, ...] = ()
    max_bytes: int = 512 * MIB
    max_memory: int = 1536 * MIB
    max_pixels: int = 16_000_000
    max_frames: int = 2000
    queue: int = 8
    timeout_s: float = 60.0
    drain_s: float = 25.0
    allowed_hosts: tuple[str, ...] = ()
    threads: int | None = None
    decoders: int = 1

    def __post_init__(self) -> None:
        """Raises ConfigError where the largest body would never find room."""
        if self.max_memory < self.max_bytes:
            raise ConfigError(
                f"--max-memory {self.max_memory}: less than one request may bring (--max-bytes {self.max_bytes}); "
                "raise the one or lower the other"
            )
