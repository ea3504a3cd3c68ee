"""Initial weights: fitted in full whatever the wrapping of the file, or refused with what is wrong."""

import re
import socket
import time

import pytest
import timm
import torch
from safetensors.torch import save_file
from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerModel

from trus.errors import ConfigError, WeightsError
from trus.models import load_encoder, segformer, smp, unet_small, weights
from trus.models.weight_names import efficientnet_pytorch


def fpn(encoder="resnet18", encoder_weights=None, in_channels=3):
    path = None if encoder_weights is None else str(encoder_weights)
    return smp.build("FPN", encoder, in_channels=in_channels, classes=1, encoder_weights=path)


def same_tensors(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture(scope="module")
def resnet():
    """State dict of a ResNet-18 encoder whose every tensor differs from the initial one."""
    torch.manual_seed(1)
    state = fpn().body.encoder.state_dict()
    return {key: value + 1 if value.dtype == torch.int64 else torch.randn(value.shape) for key, value in state.items()}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".safetensors"])
def test_state_dict_loads_in_full(resnet, tmp_path, suffix):
    path = tmp_path / f"encoder{suffix}"
    save_file(resnet, path) if suffix == ".safetensors" else torch.save(resnet, path)
    network = fpn(encoder_weights=path)
    assert same_tensors(network.body.encoder.state_dict(), resnet)
    assert list(network.state_dict()) == list(fpn().state_dict())


@pytest.mark.parametrize(
    "prefix", ["module.", "encoder.", "model.", "backbone.", "module.encoder.", "network.body.encoder."]
)
@pytest.mark.parametrize("container", [None, "state_dict", "model"])
def test_prefixes_and_containers_are_removed(resnet, tmp_path, prefix, container):
    state = {prefix + key: value for key, value in resnet.items()}
    torch.save({container: state, "epoch": 3} if container else state, tmp_path / "wrapped.pth")
    encoder = fpn().body.encoder
    load_encoder(encoder, tmp_path / "wrapped.pth")
    assert same_tensors(encoder.state_dict(), resnet)


def test_heads_and_counters_do_not_matter(resnet, tmp_path):
    state = {key: value for key, value in resnet.items() if not key.endswith("num_batches_tracked")}
    torch.save(state | {"fc.weight": torch.ones(10, 512), "fc.bias": torch.ones(10)}, tmp_path / "torchvision.pth")
    encoder = fpn(encoder_weights=tmp_path / "torchvision.pth").body.encoder
    assert torch.equal(encoder.conv1.weight, resnet["conv1.weight"])


def test_first_convolution_follows_the_number_of_channels(resnet, tmp_path):
    torch.save(resnet, tmp_path / "rgb.pth")
    rgb = resnet["conv1.weight"]
    grey = fpn(encoder_weights=tmp_path / "rgb.pth", in_channels=1).body.encoder
    assert torch.equal(grey.conv1.weight, rgb.sum(1, keepdim=True))
    four = fpn(encoder_weights=tmp_path / "rgb.pth", in_channels=4).body.encoder
    assert torch.allclose(four.conv1.weight, rgb[:, [0, 1, 2, 0]] * 0.75)
    torch.save(grey.state_dict(), tmp_path / "grey.pth")
    back = fpn(encoder_weights=tmp_path / "grey.pth").body.encoder
    assert torch.allclose(back.conv1.weight.sum(1), rgb.sum(1), atol=1e-5)


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "convnext_atto", "resnet10t"])
def test_timm_classifier_fits_its_features_only_encoder(tmp_path, name):
    torch.manual_seed(2)
    classifier = timm.create_model(name)
    torch.save(classifier.state_dict(), tmp_path / "timm.pth")
    encoder = fpn(f"tu-{name}", tmp_path / "timm.pth").body.encoder
    torch.manual_seed(3)
    again = fpn(f"tu-{name}").body.encoder
    image = torch.randn(2, 3, 64, 64)
    expected = classifier.eval().forward_intermediates(image, intermediates_only=True)[-1]
    assert torch.allclose(encoder.eval()(image)[-1], expected, atol=1e-4)
    assert not torch.allclose(again.eval()(image)[-1], expected, atol=1e-4)


def test_efficientnet_pytorch_names_become_those_of_timm():
    theirs = ["_conv_stem.weight", "_bn0.bias", "_fc.bias", "_bn1.weight"]
    plain = [f"_blocks.0.{layer}.weight" for layer in ("_depthwise_conv", "_bn1", "_project_conv", "_bn2")]
    wide = [f"_blocks.1.{layer}.weight" for layer in ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_se_reduce")]
    target = {"blocks.0.0.conv_dw.weight": torch.ones(1), "blocks.1.0.conv_pw.weight": torch.ones(1)}
    assert list(efficientnet_pytorch(dict.fromkeys(theirs + plain + wide, torch.ones(1)), target)) == [
        *("conv_stem.weight", "bn1.bias", "classifier.bias", "bn2.weight"),
        *(f"blocks.0.0.{layer}.weight" for layer in ("conv_dw", "bn1", "conv_pw", "bn2")),
        *(f"blocks.1.0.{layer}.weight" for layer in ("conv_pw", "bn1", "conv_dw", "bn2", "se.conv_reduce")),
    ]


@pytest.mark.parametrize("kind", [SegformerModel, SegformerForSemanticSegmentation])
def test_segformer_loads_a_hugging_face_folder(tmp_path, kind):
    # save_pretrained writes the published names, which transformers 5 no longer uses itself.
    source = kind(SegformerConfig())
    source.save_pretrained(tmp_path)
    network = segformer.build("b0", in_channels=3, classes=1, encoder_weights=str(tmp_path))
    expected = source.segformer if kind is SegformerForSemanticSegmentation else source
    assert same_tensors(network.body.model.segformer.state_dict(), expected.state_dict())


@pytest.mark.parametrize(
    "build",
    [
        lambda path: fpn("resnet18", path),
        lambda path: fpn("tu-tf_efficientnet_lite0", path),
        lambda path: segformer.build("b0", in_channels=3, classes=1, encoder_weights=path),
        lambda path: unet_small.build(in_channels=3, classes=1, encoder_weights=path),
    ],
)
def test_checkpoint_of_trus_starts_another_run(tmp_path, build):
    source = build(None)
    torch.save(
        {"state_dict": {f"network.{key}": value for key, value in source.state_dict().items()}}, tmp_path / "a.ckpt"
    )
    loaded = build(str(tmp_path / "a.ckpt"))
    before, after = source.state_dict(), loaded.state_dict()
    encoder = [key for key in before if key.startswith(("body.encoder.", "body.model.segformer."))]
    assert list(before) == list(after)
    assert len(encoder) > 40
    assert all(torch.equal(before[key], after[key]) for key in encoder)


def refused(path, message):
    with pytest.raises(WeightsError, match=message):
        fpn(encoder_weights=path)


def test_a_checkpoint_that_does_not_fit_says_why(resnet, tmp_path):
    path = tmp_path / "wrong.pth"
    torch.save({key: value for key, value in resnet.items() if not key.startswith("layer4.1.conv")}, path)
    refused(path, r"118 of its 120 tensors found; 2 missing \(layer4.1.conv1.weight, layer4.1.conv2.weight\); 0 unexp")
    torch.save(resnet | {"layer4.2.conv1.weight": torch.ones(1)}, path)
    refused(path, r"0 missing; 1 unexpected \(layer4.2.conv1.weight\)")
    torch.save(resnet | {"layer1.0.bn1.weight": torch.ones(3)}, path)
    refused(path, r"1 of another shape \(layer1.0.bn1.weight \(3,\) instead of \(64,\)\)")
    # Every tensor of ResNet-18 has its namesake of the same shape in ResNet-34.
    torch.save(fpn("resnet34").body.encoder.state_dict(), path)
    refused(path, r"0 missing; \d+ unexpected \(layer1.2.conv1.weight")


def test_files_that_are_no_checkpoints(tmp_path):
    (tmp_path / "text.pth").write_text("not a checkpoint")
    refused(tmp_path / "text.pth", "not a checkpoint that loads safely")
    (tmp_path / "empty.pth").touch()
    refused(tmp_path / "empty.pth", "not a checkpoint that loads safely")
    (tmp_path / "text.safetensors").write_text("not a checkpoint")
    refused(tmp_path / "text.safetensors", "not a safetensors file")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    refused(tmp_path / "module.pth", r"saved again as its state_dict\(\)")
    for content in ([1, 2], {}, {"epoch": 3}, {"state_dict": {}}):
        torch.save(content, tmp_path / "other.pth")
        refused(tmp_path / "other.pth", "holds no state dict")
    refused(tmp_path, "holds neither model.safetensors nor pytorch_model.bin")
    refused(tmp_path / "absent.pth", "no such file or folder, and not one of imagenet")
    with pytest.raises(WeightsError, match="no checkpoint at"):
        load_encoder(fpn().body.encoder, tmp_path / "absent.pth")


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    from huggingface_hub import constants

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    return constants


@pytest.mark.parametrize(
    "build",
    [
        lambda: fpn("resnet18", "imagenet"),
        lambda: fpn("tu-tf_efficientnet_lite0", "imagenet"),
        lambda: segformer.build("b0", in_channels=3, classes=1, encoder_weights="imagenet"),
    ],
)
def test_unreachable_hub_names_the_alternatives_at_once(no_hub, build):
    start = time.monotonic()
    with pytest.raises(WeightsError, match=re.escape("model.encoder_weights=null")) as caught:
        build()
    assert "model.encoder_weights=PATH" in str(caught.value)
    assert "cannot be reached" in str(caught.value)
    assert time.monotonic() - start < 15


def test_whether_the_hub_is_reachable(no_hub, monkeypatch):
    assert not weights._hub_reachable()
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(no_hub, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert weights._hub_reachable()
        monkeypatch.setattr(no_hub, "HF_HUB_OFFLINE", True)
        assert not weights._hub_reachable()
    monkeypatch.setattr(no_hub, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
    assert weights._hub_reachable()


def test_networks_without_published_weights_say_so():
    with pytest.raises(ConfigError, match="no published weights: use null"):
        unet_small.build(in_channels=3, classes=1, encoder_weights="imagenet")
    with pytest.raises(ConfigError, match="no published weights but ssl, swsl"):
        fpn("resnext101_32x4d", "imagenet")
