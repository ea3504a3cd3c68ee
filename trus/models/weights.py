"""Initial weights of an encoder: from a hub, from a local checkpoint, or none; fitted in full or refused."""

import logging
import pickle
import re
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn

from trus.errors import ConfigError, WeightsError
from trus.models.weight_names import DIALECTS

_LOG = logging.getLogger(__name__)

_CHECKPOINT_FILES = ("model.safetensors", "pytorch_model.bin")
_CONTAINERS = ("state_dict", "model_state_dict", "state_dict_ema", "model")
_PREFIXES = ("module.", "_orig_mod.", "network.", "body.", "model.", "encoder.", "backbone.", "segformer.")
# Classifier heads, and the layers that feed only them and that a features-only encoder leaves out.
_HEADS = re.compile(
    r"(fc|classifier|heads?|last_linear|conv_head|bn2|norm|norm_head|final_layer|incre_modules|downsamp_modules)\."
)
_OTHER_WAYS = "use model.encoder_weights=null (random weights) or model.encoder_weights=PATH (a local checkpoint)"
_CONNECT_SECONDS = 5.0
_RESOLVE_SECONDS = 10.0


def initialise(encoder: nn.Module, weights: str | None, *, published: Mapping[str, Callable[[], Path]]) -> None:
    """Fill `encoder` in place as `model.encoder_weights` asks.

    `weights`: None (leave it random), a name in `published` (its value fetches the file), or the path of a local
    checkpoint. Raises `ConfigError` for `imagenet` where nothing is published, else what `load_encoder` raises.
    """
    if weights is None:
        return
    if weights in published:
        load_encoder(encoder, published[weights]())
    elif weights == "imagenet":
        others = f" but {', '.join(published)}" if published else ""
        raise ConfigError(f"model.encoder_weights=imagenet: this network has no published weights{others}: use null")
    elif not Path(weights).expanduser().exists():
        names = ", ".join([*published, "null"])
        raise WeightsError(
            f"model.encoder_weights={weights}: no such file or folder, and not one of {names} (`make weights` fetches "
            "outputs/weights/efficientnet_lite0.pth)"
        )
    else:
        load_encoder(encoder, weights)


def load_encoder(encoder: nn.Module, path: str | Path) -> None:
    """Load a checkpoint into `encoder`, in place and in full.

    `path`: a state dict (.pth, .pt, .bin, .ckpt, .safetensors; also of a whole network around the encoder) or a
    Hugging Face model folder. Prefixes and the names of other libraries are translated, classifier heads ignored.
    Where the file's first convolution has another number of input channels its weights are summed (to one channel)
    or repeated and rescaled, as segmentation-models-pytorch does. Raises `WeightsError` where the file is not there
    or not a checkpoint, or unless every tensor of the encoder is covered by one of its shape and none is left over.
    """
    target = encoder.state_dict()
    found = _best_fit(_read(Path(path).expanduser()), target)
    _adapt_first_convolution(found, target)
    _check_coverage(found, target, path)
    encoder.load_state_dict({key: found.get(key, value) for key, value in target.items()})
    _LOG.info("encoder weights: all %d tensors from %s", len(target), path)


def hub_file(repo_id: str, revision: str | None = None) -> Path:
    """Return the local copy of a Hugging Face repository's checkpoint, downloading it where need be.

    Raises `WeightsError`, within some 15 s, where the hub cannot be reached and the file is not in its cache.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    # The hub's own five retries take 23 s a file: one look at the connection decides beforehand.
    cached_only = not _hub_reachable()
    reason: Exception | None = None
    for name in _CHECKPOINT_FILES:
        try:
            return Path(hf_hub_download(repo_id, name, revision=revision, local_files_only=cached_only))
        except EntryNotFoundError as error:
            reason = error
        except OSError as error:
            reason = error
            break
    state = "the hub cannot be reached and its cache has no copy" if cached_only else f"the hub answered: {reason}"
    raise WeightsError(f"published weights {repo_id} are not available, {state}: {_OTHER_WAYS}") from reason


def _hub_reachable() -> bool:
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    if constants.HF_HUB_OFFLINE:
        return False
    if urllib.request.getproxies():
        return True  # a direct connection would say nothing about the one through the proxy
    answered = threading.Event()

    def connect() -> None:
        try:
            port = address.port or (80 if address.scheme == "http" else 443)
            socket.create_connection((address.hostname or "", port), timeout=_CONNECT_SECONDS).close()
        except OSError:
            return
        answered.set()

    # Name resolution knows no timeout of its own, so it is left behind in a thread that does not hold up the exit.
    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(_RESOLVE_SECONDS)
    return answered.is_set()


def _read(path: Path) -> dict[str, Tensor]:
    file = _checkpoint_in(path) if path.is_dir() else path
    if not file.is_file():
        raise WeightsError(f"no checkpoint at {path}: {_OTHER_WAYS}")
    content = _read_safetensors(file) if file.suffix == ".safetensors" else _read_torch(file)
    inner = (content[name] for name in _CONTAINERS if isinstance(content.get(name), Mapping))
    tensors = {key: value for key, value in next(inner, content).items() if isinstance(value, Tensor)}
    if not tensors:
        raise WeightsError(f"{file} holds no state dict (names -> tensors)")
    return tensors


def _checkpoint_in(folder: Path) -> Path:
    for name in _CHECKPOINT_FILES:
        if (folder / name).is_file():
            return folder / name
    raise WeightsError(f"the folder {folder} holds neither {' nor '.join(_CHECKPOINT_FILES)}")


def _read_safetensors(file: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{file} is not a safetensors file: {error}") from error


def _read_torch(file: Path) -> Mapping[str, Any]:
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise WeightsError(
            f"{file} is not a checkpoint that loads safely (a whole pickled module must be saved again "
            f"as its state_dict()): {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error
    return content if isinstance(content, Mapping) else {}


def _best_fit(tensors: dict[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the part and translation of `tensors` that shares the most names with `target`."""
    candidates = (dialect(part, target) for part in _parts(tensors) for dialect in DIALECTS)
    return max(candidates, key=lambda candidate: len(candidate.keys() & target.keys()))


def _parts(tensors: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    yield tensors
    for prefix in _PREFIXES:
        inner = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if inner:
            yield from _parts(inner)


def _adapt_first_convolution(found: dict[str, Tensor], target: Mapping[str, Tensor]) -> None:
    name = next((key for key, value in target.items() if value.ndim == 4), None)
    if name is None or name not in found or found[name].ndim != 4:
        return
    weight, wanted = found[name], target[name].shape[1]
    given = weight.shape[1]
    if wanted == given:
        return
    if wanted == 1:
        found[name] = weight.sum(dim=1, keepdim=True)
    else:
        found[name] = weight[:, [channel % given for channel in range(wanted)]] * (given / wanted)


def _check_coverage(found: Mapping[str, Tensor], target: Mapping[str, Tensor], path: str | Path) -> None:
    # Checkpoints from before PyTorch 0.4.1 do not have the counter, and nothing but a null momentum reads it.
    missing = [key for key in target if key not in found and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in found if key not in target and not _HEADS.match(key)]
    misshaped = [
        f"{key} {tuple(found[key].shape)} instead of {tuple(value.shape)}"
        for key, value in target.items()
        if key in found and found[key].shape != value.shape
    ]
    if missing or unexpected or misshaped:
        parts = [_listed("missing", missing), _listed("unexpected", unexpected), _listed("of another shape", misshaped)]
        covered = len(target.keys() & found.keys())
        raise WeightsError(
            f"{path} does not fit the encoder: {covered} of its {len(target)} tensors found; {'; '.join(parts)}"
        )


def _listed(what: str, names: list[str]) -> str:
    shown = f" ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})" if names else ""
    return f"{len(names)} {what}{shown}"
