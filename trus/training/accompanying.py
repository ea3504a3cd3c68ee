"""What the further processes of DDP do: compute, and leave tracking, files and locks to the first."""

from pathlib import Path
from typing import Any

from trus.data.datamodule import FrameDataModule
from trus.evaluation.cross_validation.result import is_finished
from trus.training.cv_setup import has_folder, is_cross_validation, member_config, members_of_job, open_folder
from trus.training.fitting import fit
from trus.training.resume import find_last


def accompany(config: dict[str, Any], data: FrameDataModule, choices: dict[str, str]) -> None:
    """Train the network that the first process trains, from the checkpoint that it goes on from."""
    if not has_folder(config):
        fit(config, data, None, choices)
        return
    folder = open_folder(config, data, choices)
    (member,) = members_of_job(config, folder)
    settings = member_config(config, folder, member, lean=is_cross_validation(config))
    last = find_last(Path(settings["run_dir"]))
    if is_finished(folder, member) or (last and folder.progress(member).trained):
        return
    data.use(member.fold, member.seed)
    fit(settings | {"ckpt_path": str(last) if last else None}, data, None, choices)
