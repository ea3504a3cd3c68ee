"""Any architecture with any encoder of segmentation-models-pytorch, behind the contract of `Network`."""

import difflib
import inspect
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import timm
from torch import Tensor, nn

from trus.errors import ConfigError
from trus.models.network import Network, check_counts
from trus.models.weights import hub_file, initialise

# MODEL_ARCHITECTURES_MAPPING is keyed by lower case: users may type either.
_ARCHITECTURES = {cls.__name__: cls for cls in smp.MODEL_ARCHITECTURES_MAPPING.values()}
_OURS = {"self", "encoder_name", "encoder_weights", "in_channels", "classes", "kwargs"}
_BREAK_CONTRACT = {"activation", "aux_params"}


def build(
    architecture: str,
    encoder: str,
    *,
    in_channels: int,
    classes: int,
    encoder_weights: str | None,
    **options: Any,
) -> Network:
    """Build an SMP network, (N, in_channels, H, W) -> logits (N, classes, H, W).

    `architecture`: FPN, Unet, DeepLabV3Plus ... (case does not matter). `encoder`: an SMP encoder, or any timm model
    as `tu-NAME`. `encoder_weights`: `imagenet` (or another set that SMP publishes for this encoder), None, or the
    path of a local checkpoint. `options` go to the architecture (`decoder_dropout`, `encoder_depth` ...).
    Raises `ConfigError` for an unknown name or option, `WeightsError` for weights that are not there or do not fit.
    """
    check_counts(in_channels, classes)
    architecture_class = _architecture(architecture)
    _check_encoder(encoder)
    _check_options(architecture_class, options)
    try:
        body = architecture_class(
            encoder_name=encoder, encoder_weights=None, in_channels=in_channels, classes=classes, **options
        )
    except (ValueError, KeyError, TypeError, NotImplementedError, RuntimeError, AssertionError) as error:
        # SMP checks its combinations (an encoder without dilation, a depth that is not there) with all of these.
        raise ConfigError(f"{architecture} cannot be built with encoder {encoder} and {options}: {error}") from error
    _add_in_place_of_stacking(body)
    initialise(_pretrained_part(body), encoder_weights, published=_published(encoder))
    return Network(body, in_channels=in_channels, classes=classes)


class _Sum(nn.Module):
    """The sum of equally large feature maps."""

    def forward(self, maps: list[Tensor]) -> Tensor:
        return sum(maps[1:], maps[0])


def _add_in_place_of_stacking(body: nn.Module) -> None:
    """SMP's FPN copies its four feature maps into one tensor to add them: a tenth of a step of a light encoder."""
    merge = getattr(getattr(body, "decoder", None), "merge", None)
    if getattr(merge, "policy", None) == "add":
        body.decoder.merge = _Sum()  # type: ignore[union-attr]


def _architecture(name: str) -> type[nn.Module]:
    matches = [cls for known, cls in _ARCHITECTURES.items() if known.lower() == name.lower()]
    if not matches:
        raise ConfigError(_unknown("model.architecture", name, _ARCHITECTURES, _ARCHITECTURES))
    return matches[0]


def _check_encoder(name: str) -> None:
    if name in smp.encoders.encoders or (name.startswith("tu-") and timm.is_model(name.removeprefix("tu-"))):
        return
    native = sorted(smp.encoders.encoders)
    everything = [*native, *(f"tu-{model}" for model in timm.list_models())]
    message = _unknown("model.encoder", name, native, everything)
    raise ConfigError(f"{message}; and every timm model as tu-NAME (timm.list_models())")


def _check_options(architecture_class: type[nn.Module], options: dict[str, Any]) -> None:
    # SMP drops options that it does not know without a word.
    known = set(inspect.signature(architecture_class.__init__).parameters) - _OURS - _BREAK_CONTRACT
    for name in options:
        if name in _BREAK_CONTRACT:
            raise ConfigError(f"model.{name} cannot be set: a network of trus returns plain logits")
        if name not in known:
            raise ConfigError(_unknown(f"option of {architecture_class.__name__}, model", name, known, known))


def _unknown(setting: str, name: str, valid: Iterable[str], searched: Iterable[str]) -> str:
    lowered = {candidate.lower(): candidate for candidate in searched}
    close = [lowered[match] for match in difflib.get_close_matches(name.lower(), lowered, n=5, cutoff=0.6)]
    guess = f"did you mean {', '.join(close)}? " if close else ""
    return f"unknown {setting} {name!r}: {guess}Valid: {', '.join(sorted(valid))}"


def _pretrained_part(body: nn.Module) -> nn.Module:
    # SMP wraps timm models once more; published checkpoints hold the names of the inner one.
    inner = getattr(body.encoder, "model", None)
    return inner if isinstance(inner, nn.Module) else body.encoder  # type: ignore[return-value]


def _published(encoder: str) -> dict[str, partial[Path]]:
    if encoder.startswith("tu-"):
        config = timm.models.get_pretrained_cfg(encoder.removeprefix("tu-"))
        return {"imagenet": partial(hub_file, config.hf_hub_id)} if config and config.hf_hub_id else {}
    sets = smp.encoders.encoders[encoder]["pretrained_settings"]
    return {name: partial(hub_file, entry["repo_id"], entry["revision"]) for name, entry in sets.items()}
