"""How many cores this process may use: its affinity, and the CPU quota that a container gives it."""

import math
import os
from collections.abc import Iterator
from pathlib import Path


def available_cores(proc: Path = Path("/proc/self")) -> int:
    """Cores that this process may run on, at least 1: its affinity, or the quota of its control groups if lower.

    A quota of 1.5 cores counts as 2: two threads then use all of it, one would not. `proc` is where the kernel
    describes the process.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(proc))]))


def _quotas(proc: Path) -> Iterator[float]:
    """The CPU limits, in cores, of the process's control groups and of those above them as far as they are mounted."""
    groups = _groups(proc)
    for root, mount, kind in _mounts(proc):
        path = groups.get("" if kind == "cgroup2" else "cpu")
        if path is None:
            continue
        # in a container the mounted root is often the process's own group, under a name that it does not see
        inside = path.relative_to(root) if path.is_relative_to(root) else path.relative_to("/")
        folder = mount / inside
        for group in (folder, *folder.parents):
            if group.is_relative_to(mount) and (quota := _quota(group)):
                yield quota


def _groups(proc: Path) -> dict[str, Path]:
    """Controller -> path of the process's group; version 2's unified hierarchy has the controller ''."""
    lines = (line.split(":", 2) for line in _read(proc / "cgroup").splitlines())
    return {controller: Path(path) for _, controllers, path in lines for controller in controllers.split(",")}


def _mounts(proc: Path) -> Iterator[tuple[str, Path, str]]:
    """(mounted root, mount point, kind) of the hierarchies that can limit the CPU; proc_pid_mountinfo(5)."""
    for line in _read(proc / "mountinfo").splitlines():
        place, _, source = line.partition(" - ")
        kind, _, options = source.partition(" ")
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split()[-1].split(",")):
            root, mount = place.split()[3:5]
            yield root, Path(mount), kind


def _quota(group: Path) -> float | None:
    """Cores that a group may use in a period: version 2's cpu.max, or version 1's pair; None without a limit."""
    limit, period = [*_read(group / "cpu.max").split(), "", ""][:2]
    if not limit:
        limit, period = _read(group / "cpu.cfs_quota_us").strip(), _read(group / "cpu.cfs_period_us").strip()
    return int(limit) / int(period) if limit.isdigit() and period.isdigit() and int(limit) and int(period) else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # no such hierarchy, or not readable from inside the container
        return ""
