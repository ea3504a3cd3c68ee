"""Evaluate a model file on a part of a manifest; the one place that opens the test part."""

import hydra
from omegaconf import DictConfig

from trus.config import resolve_evaluate_config
from trus.script import run_script


@hydra.main(version_base="1.3", config_path="../conf", config_name="evaluate")
def main(config: DictConfig) -> float | None:
    settings = resolve_evaluate_config(config)
    from trus.evaluation.run import run_evaluation

    return run_evaluation(settings)


if __name__ == "__main__":
    run_script(main)
