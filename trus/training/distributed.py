"""Training one network in several processes (DDP): what is allowed, and which process does what."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from trus.errors import ConfigError, TrainingError

SLURM = "trus_slurm_launcher"
STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false")


def is_main_process() -> bool:
    """Whether this process is the one that writes, tracks and prints; the others only compute."""
    return getattr(rank_zero_only, "rank", 0) == 0


def check_distributed(config: dict[str, Any]) -> None:
    """Raise ConfigError where several processes a network would go wrong. For one process nothing is refused."""
    trainer = config["trainer"]
    if not _several(trainer):
        return
    asked = f"trainer.devices={trainer['devices']}"
    strategy = trainer.get("strategy", "auto")
    if strategy not in STRATEGIES:
        raise ConfigError(
            f"trainer.strategy={strategy}: only ddp leaves a whole network in the checkpoint that is exported here; "
            "use trainer=ddp"
        )
    if config["split"]["fold"] == "all" or config["seeds"] > 1:
        raise ConfigError(
            f"{asked} with split.fold={config['split']['fold']} seeds={config['seeds']}: the processes of one network "
            "are started once and cannot go on to the next; train one network a job: split.fold=0, or "
            "-m launcher=slurm split.fold=0,1,2,3,4 with hydra.launcher.tasks_per_node"
        )
    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        _check_sweep(asked, trainer, hydra.launcher)


def shared(trainer: pl.Trainer, config: dict[str, Any]) -> str:
    """For the line that says how a network is trained; nothing where one process does it."""
    each, processes = config["data"]["batch_size"], trainer.world_size
    return f" in {processes} processes ({processes} times {each} frames a step)" if processes > 1 else ""


@contextmanager
def together(trainer: pl.Trainer) -> Iterator[None]:
    """What ends training in this process ends the others that Lightning started, so that none waits for ever.

    Raises TrainingError when another process was lost.
    """
    try:
        yield
    except BaseException as error:
        started = getattr(trainer.strategy.launcher, "procs", [])
        for process in started:
            process.kill()
        started.clear()  # Lightning watches this list, and would kill this process too before it has tidied up
        lost = any(words in str(error).lower() for words in ("connection closed", "connection reset", "gloo", "nccl"))
        if trainer.world_size > 1 and isinstance(error, RuntimeError) and lost:
            raise TrainingError(
                f"another of the {trainer.world_size} processes of this training ended; its own error is above or in "
                f"its log, or it was killed ({str(error).splitlines()[0]})"
            ) from error
        if "not used in producing the loss" in str(error):
            raise ConfigError(
                "this network has parameters that its output does not depend on (an encoder cut short, for instance); "
                "several processes must look for them: trainer.strategy=ddp_find_unused_parameters_true"
            ) from error
        raise


def _several(trainer: dict[str, Any]) -> bool:
    devices, nodes = trainer["devices"], trainer.get("num_nodes", 1)
    one = devices in (1, "1") or (isinstance(devices, list) and len(devices) == 1)
    return nodes > 1 or not (one or (devices == "auto" and trainer["accelerator"] == "cpu"))


def _check_sweep(asked: str, trainer: dict[str, Any], launcher: DictConfig) -> None:
    if SLURM not in str(launcher.get("_target_")):
        raise ConfigError(
            f"{asked} with -m: Lightning starts the other processes by running this very command again, so that each "
            "of them would run the whole sweep. Start the jobs one by one without -m, use one device a job "
            "(trainer.devices=1), or launcher=slurm, which starts the processes itself"
        )
    nodes = trainer.get("num_nodes", 1)
    if (launcher.tasks_per_node, launcher.nodes) != (trainer["devices"], nodes):
        settings = OmegaConf.to_container(launcher)
        raise ConfigError(
            f"{asked} trainer.num_nodes={nodes}: SLURM starts a process a device, and was told "
            f"hydra.launcher.tasks_per_node={settings['tasks_per_node']} hydra.launcher.nodes={settings['nodes']}; "  # type: ignore[index, call-overload]
            f"make them {trainer['devices']} and {nodes}"
        )
