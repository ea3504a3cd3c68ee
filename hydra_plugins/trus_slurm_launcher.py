"""Hydra looks for plugins in this namespace only; the work is done in trus.training.slurm."""

from contextlib import suppress

with suppress(ImportError):  # without trus[sweep] there is no launcher=slurm, and nothing else needs this
    from collections.abc import Sequence
    from typing import Any

    from hydra.core.utils import JobReturn
    from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher

    class RequeueingSlurmLauncher(SlurmLauncher):
        """submitit's launcher that refuses what goes wrong in several jobs, and waits for every one of them."""

        def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
            """Submit the jobs as one array and wait. Raises TrusError."""
            from trus.training.slurm import launch

            return launch(self, job_overrides, initial_job_idx)

        def __call__(self, *arguments: Any) -> JobReturn:
            """Run one job, inside SLURM."""
            from trus.training.slurm import run

            # no super(): Hydra loads plugins anew, so that in a job that came back this class is not the pickled one
            return run(lambda: SlurmLauncher.__call__(self, *arguments))
