"""From a model config group to a network."""

import importlib
from collections.abc import Callable
from typing import Any

from torch import nn

from trus.errors import ConfigError


def build_network(config: dict[str, Any], in_channels: int, classes: int) -> nn.Module:
    """Call the factory that `config["_target_"]` names with the other keys, `in_channels` and `classes`.

    Returns a module of the contract (N, C, H, W) float32 -> logits (N, K, H, W). Raises ConfigError for a factory
    that is not there or does not take a key, WeightsError for initial weights that cannot be had.
    """
    settings = dict(config)
    factory = _find(str(settings.pop("_target_", "")))
    try:
        return factory(**settings, in_channels=in_channels, classes=classes)
    except TypeError as error:
        raise ConfigError(f"model: {config['_target_']} does not take these settings ({error})") from error


def _find(target: str) -> Callable[..., nn.Module]:
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"model._target_={target!r}: no such function ({error}); e.g. trus.models.smp.build"
        ) from error
