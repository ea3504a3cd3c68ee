"""Train one network, or with -m a sweep of them; conf/train.yaml lists what people type most."""

import sys

import hydra
from omegaconf import DictConfig

from trus.script import run_script
from trus.training.reproduce import resolve_or_restore, with_stored_choices


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def main(config: DictConfig) -> float | None:
    settings = resolve_or_restore(config)  # before the slow imports: a wrong setting is told at once
    from trus.training.startup import quick_imports

    with quick_imports():
        from trus.training.run import train

    return train(settings)


def start() -> None:
    sys.argv[1:] = with_stored_choices(sys.argv[1:])
    try:
        main()
    finally:  # a sweep ends in its table, also when a job of it failed
        from trus.training.sweep import close_sweep

        close_sweep()


if __name__ == "__main__":
    run_script(start)
