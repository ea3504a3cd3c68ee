"""Schema of conf/: every scalar is checked, and all that is wrong is said at once, before anything is built."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from trus.config_problems import find_problems
from trus.errors import ConfigError
from trus.preprocessing import Preprocessor

if TYPE_CHECKING:
    from omegaconf import DictConfig

_STRICT = ConfigDict(extra="forbid")
_OPEN = ConfigDict(extra="allow")
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
TimeSpan = (
    Annotated[str, Field(pattern=r"^\d\d:\d\d:\d\d:\d\d$")]  # DD:HH:MM:SS, as Lightning reads it
    | dict[Literal["days", "hours", "minutes", "seconds"], Annotated[float, Field(ge=0)]]
)


@dataclass(config=_STRICT)
class PhantomConfig:
    """conf/data/phantom.yaml: how much synthetic data to make."""

    patients: Count
    frames: Count
    seed: Natural


@dataclass(config=_STRICT)
class DataConfig:
    """conf/data: which frames and classes, and how they are loaded."""

    manifest: str
    classes: list[str] | None
    batch_size: Count
    workers: Natural
    cache_dir: str
    phantom: PhantomConfig | None


@dataclass(config=_STRICT)
class SplitConfig:
    """conf/split: who validates."""

    kind: Literal["holdout", "kfold"]
    folds: Annotated[int, Field(ge=2)]
    fold: Natural | Literal["all"]
    repeats: Count
    val_fraction: Fraction
    seed: Natural
    stratify: bool
    allow_ungrouped: bool
    file: str | None


@dataclass(config=_OPEN)
class ModelConfig:
    """conf/model: a factory and its settings, which the factory checks."""

    _target_: str
    encoder_weights: str | None


@dataclass(config=_OPEN)
class OptimizerConfig:
    """conf/optimizer: a torch optimiser."""

    _target_: str
    _partial_: Literal[True]
    lr: Annotated[float, Field(gt=0)]


@dataclass(config=_OPEN)
class TrainerConfig:
    """conf/trainer: arguments of Lightning's Trainer; precision may also be auto."""

    _target_: str
    max_epochs: Annotated[int, Field(ge=-1)]
    precision: str | int
    devices: int | str | list[int] = "auto"
    accumulate_grad_batches: Count = 1
    max_time: TimeSpan | None = None


@dataclass(config=_STRICT)
class TeacherConfig:
    """conf/train.yaml, teacher: trained networks that the network learns from besides the masks."""

    models: list[str]
    tta: Literal["flip", "flip_scale"] | None
    weight: Annotated[float, Field(ge=0, le=1)]


@dataclass(config=_STRICT)
class MLflowConfig:
    """conf/logger/mlflow.yaml: where runs are kept."""

    tracking_uri: str
    experiment: str
    artifacts: str | None
    run_name: str | None


@dataclass(config=_STRICT)
class TrainConfig:
    """conf/train.yaml, resolved."""

    data: DataConfig
    preprocessing: dict[str, Any]
    augmentation: dict[str, float]
    split: SplitConfig
    model: ModelConfig
    loss: dict[str, Any]
    optimizer: OptimizerConfig
    scheduler: dict[str, Any] | None
    trainer: TrainerConfig
    callbacks: dict[str, dict[str, Any] | None]
    logger: MLflowConfig | None
    teacher: TeacherConfig
    outputs: str
    run_dir: str
    seed: Natural
    seeds: Count
    reproduce: str | None
    threshold: Fraction
    ckpt_path: str | None
    weights_licence: str | None


@dataclass(config=_STRICT)
class EvaluateConfig:
    """conf/evaluate.yaml, resolved."""

    model_file: str | None
    cv_run: str | None
    run: str | None
    data: dict[Literal["manifest"], str | None]
    split: dict[Literal["part"], Literal["test", "train", "all"] | None]
    threshold: Fraction | None
    smallest_component: Natural
    tta: Literal["flip"] | None
    backend: Literal["onnxruntime", "openvino", "openvino-bf16"] | None
    ensemble: list[str]
    choose: bool
    strata: list[str]
    hit_iou: Fraction
    nsd_tolerances: list[Annotated[float, Field(gt=0)]] | None
    resamples: Count
    logger: MLflowConfig | None
    outputs: str
    run_dir: str


def resolve_train_config(composed: "DictConfig") -> dict[str, Any]:
    """The composed config as plain values, checked. Raises ConfigError."""
    config = _resolve(composed, hint=" (or data=phantom, the synthetic default)")
    check_train_config(config)
    return config


def resolve_evaluate_config(composed: "DictConfig") -> dict[str, Any]:
    """The composed config as plain values, checked. Raises ConfigError."""
    config = _resolve(composed)
    _raise(find_problems(EvaluateConfig, config) or _evaluation_problems(config))
    return config


def check_train_config(config: dict[str, Any]) -> None:
    """Check a resolved training config. Raises ConfigError that lists every key, value and remedy."""
    problems = find_problems(TrainConfig, config)
    if not problems:
        problems += _fold_problems(config)
    if not problems and config["data"]["phantom"] and not _is_phantom(config):
        problems.append(
            f"data.manifest={config['data']['manifest']}: data=phantom (experiment=phantom too) makes its own "
            "frames in outputs=; for yours leave it out, or add data=manifest"
        )
    try:
        Preprocessor.from_dict(config["preprocessing"])
    except ConfigError as error:
        problems.append(str(error))
    _raise(problems)


def _fold_problems(config: dict[str, Any]) -> list[str]:
    split = config["split"]
    if split["kind"] == "holdout" and split["repeats"] > 1:
        return [f"split.repeats={split['repeats']}: a holdout split has one part; take split=kfold5"]
    fold, folds = split["fold"], split["folds"] * split["repeats"]
    if fold == "all" and config["teacher"]["models"]:
        return ["teacher.models: a teacher is of one fold; give split.fold=0 and the models of that fold"]
    if fold == "all":
        return ["ckpt_path: goes on with one network; with split.fold=all start the same command again"] * bool(
            config["ckpt_path"]
        )
    if split["kind"] == "kfold" and fold >= folds and not split["file"]:
        names = f"split.folds={split['folds']}" + f" and split.repeats={split['repeats']}" * (split["repeats"] > 1)
        return [f"split.fold={fold}: with {names} it is 0 to {folds - 1}, or all"]
    return []


def _evaluation_problems(config: dict[str, Any]) -> list[str]:
    ways = ("model_file", "cv_run", "run")
    given = [way for way in ways if config[way]]
    if len(given) != 1:
        said = " and ".join(given) or "nothing"
        return [f"what to evaluate: give one of {', '.join(f'{way}=...' for way in ways)} (given: {said})"]
    problems = []
    if config["model_file"] and not config["data"]["manifest"]:
        problems.append("data.manifest=...: a model file is evaluated on the frames of a manifest")
    if config["ensemble"] and not config["model_file"]:
        problems.append("ensemble=[...]: goes with model_file=; the members of cv_run= are one with split.part=test")
    for name in ("tta", "backend"):
        if config[name] and not config["model_file"] and not config["split"]["part"]:
            problems.append(f"{name}={config[name]}: kept predictions need no network; add split.part=test to run it")
    if config["choose"] and (not config["cv_run"] or config["split"]["part"]):
        problems.append("choose=true: the operating point is chosen on out-of-fold predictions only; give cv_run=")
    return problems


def _resolve(composed: "DictConfig", hint: str = "") -> dict[str, Any]:
    from omegaconf import OmegaConf

    missing = sorted(OmegaConf.missing_keys(composed))
    if missing:
        ways = ", ".join(f"{key}=..." for key in missing)
        raise ConfigError(f"not set: {ways}{hint if 'data.manifest' in missing else ''}")
    return cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True))


def _is_phantom(config: dict[str, Any]) -> bool:
    return config["data"]["manifest"] == f"{config['outputs']}/phantom/manifest.csv"


def _raise(problems: list[str]) -> None:
    if problems:
        raise ConfigError("settings that cannot be used\n  " + "\n  ".join(problems))
