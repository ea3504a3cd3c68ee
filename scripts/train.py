"""Train one network, or with -m a sweep of them; conf/train.yaml lists what people type most."""

import hydra
from omegaconf import DictConfig

from trus.script import run_script


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def main(config: DictConfig) -> float | None:
    from trus.training.run import train

    return train(config)


if __name__ == "__main__":
    run_script(main)
