"""Peers by name, and one fit of one of them: started, recorded, and not done twice."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from peers import environments
from peers.sets import Fold
from trus.errors import ConfigError
from trus.files import hash_json, write_json

PROGRAMS = {
    "smp_lite0": ("smp", "lite0"),
    "smp_lite0_augmented": ("smp", "lite0_augmented"),
    "smp_resnet18": ("smp", "resnet18"),
    "monai_unet": ("monai", "unet"),
    "monai_dynunet": ("monai", "dynunet"),
    "nnunet": ("nnunet", "default"),
    "nnunet_small": ("nnunet", "small"),
}
SCRIPTS = Path(__file__).resolve().parents[1]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
ALLOCATOR = ("THP_MEM_ALLOC_ENABLE", "GLIBC_TUNABLES", "MALLOC_")


@dataclass(frozen=True)
class Peer:
    """`program` fit_NAME.py with its `variant`, given `times` the wall clock; `label` is what tables call it."""

    label: str
    program: str
    variant: str
    times: float

    @property
    def folder(self) -> str:
        """A folder's name, different for every label."""
        plain = re.sub(r"[^\w.@-]+", "_", self.label)
        return plain if plain == self.label else f"{plain[:60]}-{hash_json(self.label)[:6]}"


@dataclass(frozen=True)
class Fit:
    """One peer on one fold with one seed: where it lies, and whether it is done."""

    peer: Peer
    fold: Fold
    seed: int
    seconds: float
    threads: int

    @property
    def out(self) -> Path:
        """The folder of everything that it leaves."""
        return self.fold.folder / f"{self.seconds:g}s" / self.peer.folder / f"seed_{self.seed}"

    @property
    def is_done(self) -> bool:
        """Was it recorded to the end? Raises ConfigError where it was done under other conditions."""
        if not (self.out / "fit.json").is_file():
            return False
        record = json.loads((self.out / "fit.json").read_text(encoding="utf-8"))
        here = {"task_hash": self.fold.task_hash, "threads": self.threads, "variant": self.peer.variant}
        if differing := [name for name, value in here.items() if record[name] != value]:
            raise ConfigError(
                f"{self.out}: was done with another {', '.join(differing)}; use another --out, or remove it"
            )
        return True


def parse_peer(text: str) -> Peer:
    """[LABEL=]PEER[@TIMES]; PEER is one of PROGRAMS or trus:EXPERIMENT[+OVERRIDE...]. Raises ConfigError."""
    label, peer = re.fullmatch(r"(?:(\w+)=)?(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    name, _, times = peer.partition("@")
    if times and not re.fullmatch(r"\d+(\.\d+)?", times):
        raise ConfigError(f"--peers {text}: after @ stands how many times the wall clock, e.g. nnunet_small@10")
    if name.startswith("trus:"):
        program, variant = "trus", name.removeprefix("trus:")
    elif name in PROGRAMS:
        program, variant = PROGRAMS[name]
    else:
        raise ConfigError(f"--peers {text}: choose from {', '.join(PROGRAMS)}, trus:EXPERIMENT")
    return Peer(label or text, program, variant, float(times or 1))


def run(fit: Fit, cache: Path) -> bool:
    """Do the fit unless it is done; returns whether it is now. What a peer prints goes to log.txt in its folder."""
    if fit.is_done:
        return True
    python = sys.executable if fit.peer.program == "trus" else str(environments.ensure(fit.peer.program, cache))
    shutil.rmtree(fit.out, ignore_errors=True)
    fit.out.mkdir(parents=True)
    options = {"task": fit.fold.folder, "out": fit.out, "variant": fit.peer.variant}
    options |= {"seconds": f"{fit.seconds:g}", "seed": fit.seed, "threads": fit.threads}
    command = [python, "-m", f"peers.fit_{fit.peer.program}"]
    command += [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    started, load = datetime.now(UTC), os.getloadavg()[0]
    code, machine = _measured(lambda: _call(command, fit))
    if code:
        print(f"    failed with exit code {code}: {fit.out / 'log.txt'}", flush=True)
        return False
    account = json.loads((fit.out / "account.json").read_text(encoding="utf-8"))
    record: dict[str, Any] = {
        "peer": fit.peer.label,
        "variant": fit.peer.variant,
        "fold": fit.fold.number,
        "seed": fit.seed,
    }
    record |= {"task_hash": fit.fold.task_hash, "seconds_given": fit.seconds, "threads": fit.threads}
    record |= {"started": started.isoformat(timespec="seconds"), "load_before": load, "load_after": os.getloadavg()[0]}
    write_json(fit.out / "fit.json", record | machine | {"command": command} | account)
    return True


def _call(command: list[str], fit: Fit) -> int:
    """Run it on the first cores only, with the threads given and nobody's allocator settings."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ALLOCATOR)}
    environment |= dict.fromkeys(THREADS, str(fit.threads)) | {"PYTHONPATH": str(SCRIPTS), "PYTHONUNBUFFERED": "1"}
    environment |= {"NO_ALBUMENTATIONS_UPDATE": "1", "CUDA_VISIBLE_DEVICES": ""}
    cores = sorted(os.sched_getaffinity(0))[: fit.threads]
    with (fit.out / "log.txt").open("w", encoding="utf-8") as log:
        return subprocess.run(
            command,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        ).returncode


def _measured(work: Callable[[], int]) -> tuple[int, dict[str, float]]:
    """Seconds of the whole command, of processor time, and the part of all cores that other programs took."""
    before = _clocks()
    code = work()
    wall, own, busy = (after - then for after, then in zip(_clocks(), before, strict=True))
    others = max(0.0, busy - own) / (wall * (os.cpu_count() or 1))
    return code, {"command_seconds": wall, "processor_seconds": own, "share_of_others": round(others, 3)}


def _clocks() -> tuple[float, float, float]:
    """Wall clock, processor time of ended children, busy time of all cores; in seconds."""
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    fields = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
    return time.perf_counter(), use.ru_utime + use.ru_stime, busy
