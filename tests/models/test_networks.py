"""One tester for every network that conf/model offers, plus what each factory refuses."""

import warnings
from pathlib import Path

import hydra
import onnxruntime
import pytest
import torch
from omegaconf import DictConfig

from trus.errors import ConfigError
from trus.models import Network, segformer, smp, unet_small
from trus.models.network import check_input_shape

CONF = Path(__file__).parents[2] / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
# The others are made of the same parts and take 10 to 20 s each to export.
EXPORTED = ["fpn_resnet18", "segformer_b0", "unet_small"]


def config(name: str) -> DictConfig:
    with hydra.initialize_config_dir(str(CONF), version_base=None):
        return hydra.compose(f"model/{name}").model


def build(name: str, in_channels: int = 3, classes: int = 1) -> Network:
    torch.manual_seed(0)
    return hydra.utils.instantiate(config(name), in_channels=in_channels, classes=classes, encoder_weights=None)


def test_all_configs_are_found():
    assert {"fpn_resnet152", "segformer_b2", "smp", "unet_small", *EXPORTED} <= set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_configs_state_their_initial_weights(name):
    assert config(name).encoder_weights == (None if name == "unet_small" else "imagenet")


@pytest.mark.parametrize("name", MODELS)
def test_contract(name):
    names = []
    for in_channels, classes in ((1, 2), (3, 1)):
        network = build(name, in_channels, classes).eval()
        with torch.inference_mode():
            logits = network(torch.randn(2, in_channels, 64, 96))
        assert logits.shape == (2, classes, 64, 96)
        assert logits.dtype == torch.float32
        assert logits.isfinite().all()
        names.append(list(network.state_dict()))
    assert names[0] == names[1]


@pytest.mark.parametrize("name", MODELS)
def test_one_batch_is_learnt(name):
    network = build(name).train()
    image = torch.randn(2, 3, 64, 64)
    mask = torch.zeros(2, 1, 64, 64)
    mask[:, :, 16:48, 16:48] = 1
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)  # unfused: four times as long

    def loss():
        return torch.nn.functional.binary_cross_entropy_with_logits(network(image), mask)

    first = loss()
    first.backward()
    optimizer.step()
    optimizer.zero_grad()
    loss().backward()
    optimizer.step()
    with torch.no_grad():
        assert loss() < first


@pytest.mark.parametrize("name", EXPORTED)
def test_export_agrees_with_torch(name, tmp_path):
    network = build(name, in_channels=1, classes=2)
    with torch.no_grad():
        network(torch.randn(4, 1, 64, 64))  # running statistics of BatchNorm that are not the initial ones
    network.eval()
    target = tmp_path / "network.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.randn(2, 1, 64, 64),),  # with a batch of 1 the exporter would freeze it
            target,
            dynamo=True,
            external_data=False,
            dynamic_shapes={"image": {0: torch.export.Dim("batch", min=1, max=64)}},
            input_names=["image"],
            output_names=["logits"],
            verbose=False,
        )
    session = onnxruntime.InferenceSession(target)
    for batch in (1, 2):
        image = torch.randn(batch, 1, 64, 64)
        with torch.inference_mode():
            expected = network(image).numpy()
        (logits,) = session.run(None, {"image": image.numpy()})
        assert logits.shape == expected.shape
        assert abs(logits - expected).max() < 1e-3


@pytest.mark.parametrize(
    ("size", "good"), [((100, 64), [128, 64]), ((64, 65), [64, 96]), ((31, 1), [32, 32]), ((768, 1000), [768, 1024])]
)
def test_wrong_size_names_the_right_one(size, good):
    with pytest.raises(ConfigError, match=rf"{size[0]} x {size[1]} .*pad or set preprocessing.size to \[{good[0]}, "):
        check_input_shape(torch.zeros(1, 3, *size), in_channels=3)


def test_network_checks_its_input():
    network = build("unet_small")
    with pytest.raises(ConfigError, match=r"preprocessing.size to \[64, 96\]"):
        network(torch.zeros(1, 3, 33, 96))
    with pytest.raises(ConfigError, match=r"\(N, 3, H, W\), not \(1, 1, 64, 64\)"):
        network(torch.zeros(1, 1, 64, 64))
    with pytest.raises(ConfigError, match=r"preprocessing\.channels"):
        network(torch.zeros(3, 64, 64))


def test_logits_are_float32_under_autocast():
    network = build("unet_small")
    with torch.autocast("cpu", torch.bfloat16):
        assert network(torch.randn(1, 3, 32, 32)).dtype == torch.float32


def test_unet_small_trains_on_a_single_smallest_frame():
    network = build("unet_small", in_channels=1).train()
    network(torch.randn(1, 1, 32, 32)).sum().backward()


def test_unet_small_is_small_and_its_widths_can_be_set():
    assert 0.5e6 < sum(p.numel() for p in build("unet_small").parameters()) < 2e6
    network = unet_small.build([8, 8, 8, 8, 8], [1], in_channels=1, classes=3, encoder_weights=None).eval()
    assert network(torch.randn(1, 1, 32, 64)).shape == (1, 3, 32, 64)
    for widths in ([], [8] * 6, [0]):
        with pytest.raises(ConfigError, match="1 to 5 widths"):
            unet_small.build(widths, in_channels=1, classes=1, encoder_weights=None)


def test_unknown_names_list_the_valid_ones_close_matches_first():
    build_smp = {"in_channels": 3, "classes": 1, "encoder_weights": None}
    with pytest.raises(ConfigError, match=r"model.architecture 'unett': did you mean Unet, .*Valid: .*FPN"):
        smp.build("unett", "resnet18", **build_smp)
    with pytest.raises(ConfigError, match=r"model.encoder 'resnet19': did you mean resnet18, .*Valid: .*vgg11"):
        smp.build("Unet", "resnet19", **build_smp)
    with pytest.raises(ConfigError, match=r"did you mean tu-convnext_tiny"):
        smp.build("Unet", "tu-convnext_tinny", **build_smp)
    with pytest.raises(ConfigError, match=r"model.size 'b9'.*b0, b1"):
        segformer.build("b9", in_channels=3, classes=1, encoder_weights=None)


def test_smp_takes_only_options_that_exist_and_fit():
    build_fpn = {"in_channels": 3, "classes": 1, "encoder_weights": None}
    assert smp.build("fpn", "resnet18", **build_fpn, decoder_dropout=0.5).body.decoder.dropout.p == 0.5
    with pytest.raises(ConfigError, match=r"option of FPN, model 'decoder_dropuot': did you mean decoder_dropout"):
        smp.build("FPN", "resnet18", **build_fpn, decoder_dropuot=0.5)
    with pytest.raises(ConfigError, match="plain logits"):
        smp.build("FPN", "resnet18", **build_fpn, activation="sigmoid")
    with pytest.raises(ConfigError, match="DPT cannot be built with encoder resnet18"):
        smp.build("DPT", "resnet18", **build_fpn)


def test_channels_and_classes_are_at_least_one():
    with pytest.raises(ConfigError, match="classes is 0"):
        unet_small.build(in_channels=1, classes=0, encoder_weights=None)
