"""Cores of a process: affinity and the quotas of made control groups, as containers and batch systems lay them out."""

import os
from pathlib import Path

import pytest

from trus.cores import available_cores

MOUNTS = {
    "v2": "30 24 0:26 {root} {mount} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
    "v1": "31 24 0:27 {root} {mount} rw,nosuid - cgroup cgroup rw,cpu,cpuacct",
}
GROUPS = {"v2": "0::{path}", "v1": "4:cpu,cpuacct:{path}\n2:memory:/elsewhere\n0::/"}


@pytest.fixture(autouse=True)
def many_cores(monkeypatch):
    """Sixteen cores by affinity, whatever this machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


@pytest.fixture(params=["v1", "v2"])
def made(request, tmp_path):
    """Lay out a control group hierarchy: {folder: quota in us, -1 for none} -> the folder in place of /proc/self."""
    version = request.param

    def make(quotas: dict[str, int], path: str = "/", root: str = "/") -> Path:
        mount, proc = tmp_path / "cgroup", tmp_path / "proc"
        proc.mkdir()
        (proc / "mountinfo").write_text(
            "22 1 0:20 / /proc rw - proc proc rw\n" + MOUNTS[version].format(root=root, mount=mount) + "\n"
        )
        (proc / "cgroup").write_text(GROUPS[version].format(path=path) + "\n")
        for folder, quota in quotas.items():
            group = mount / folder.strip("/")
            group.mkdir(parents=True, exist_ok=True)
            if version == "v2":
                (group / "cpu.max").write_text(f"{'max' if quota < 0 else quota} 100000\n")
            else:
                (group / "cpu.cfs_quota_us").write_text(f"{quota}\n")
                (group / "cpu.cfs_period_us").write_text("100000\n")
        return proc

    return make


@pytest.mark.parametrize(("quota", "cores"), [(-1, 16), (200_000, 2), (150_000, 2), (50_000, 1), (6_400_000, 16)])
def test_the_quota_limits_the_cores(made, quota, cores):
    assert available_cores(made({"/": quota})) == cores


def test_the_lowest_quota_of_the_groups_above_counts(made):
    assert available_cores(made({"/": -1, "/slice": 300_000, "/slice/job": 800_000}, "/slice/job")) == 3


def test_a_group_beside_does_not_count(made):
    assert available_cores(made({"/": -1, "/other": 100_000, "/mine": -1}, "/mine")) == 16


def test_in_a_container_the_mounted_root_is_the_group_itself(made):
    assert available_cores(made({"/": 400_000}, "/docker/abc", root="/docker/abc")) == 4


def test_the_host_path_of_a_group_that_is_not_mounted_does_no_harm(made):
    assert available_cores(made({"/": 400_000}, "/kubepods/pod1/abc")) == 4


def test_without_control_groups_the_affinity_counts(tmp_path):
    assert available_cores(tmp_path / "nothing") == 16


def test_a_file_that_is_damaged_sets_no_limit(made):
    proc = made({"/": -1})
    for file in (proc.parent / "cgroup").iterdir():
        file.write_text("\n")
    assert available_cores(proc) == 16


def test_this_machine_has_a_core(monkeypatch):
    monkeypatch.undo()
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
