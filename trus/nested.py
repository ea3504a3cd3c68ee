"""Nested settings, as a composed config is when it has become plain values."""

from typing import Any


def flatten(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts -> {"a.b": value}; lists stay values."""
    if not isinstance(settings, dict):
        return {prefix: settings}
    return {k: v for key, value in settings.items() for k, v in flatten(value, f"{prefix}.{key}".lstrip(".")).items()}


def move_paths(settings: Any, old: str, new: str) -> Any:
    """The settings with paths inside the folder `old` become paths inside `new`."""
    if isinstance(settings, dict):
        return {key: move_paths(value, old, new) for key, value in settings.items()}
    if isinstance(settings, str) and (settings == old or settings.startswith(f"{old}/")):
        return new + settings.removeprefix(old)
    return settings
