"""Train one network, or with -m a sweep of them; conf/train.yaml lists what people type most."""

import hydra
from omegaconf import DictConfig

from trus.config import resolve_train_config
from trus.script import run_script


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def main(config: DictConfig) -> float | None:
    settings = resolve_train_config(config)  # before the slow imports: a wrong setting is told at once
    from trus.training.run import train

    return train(settings)


def train_or_sweep() -> None:
    """A sweep ends in its table, also when a job of it failed."""
    try:
        main()
    finally:
        from trus.training.sweep import close_sweep

        close_sweep()


if __name__ == "__main__":
    run_script(train_or_sweep)
