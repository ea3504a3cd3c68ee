"""Damaged files for every reader of untrusted input: `python scripts/fuzz.py --minutes 10`.

Each target is given seeds (made here, and real files of ../shared/data where they are there) with damage to bytes and
to the structure of the format. A reader may accept an input or refuse it with a TrusError, the service with the right
4xx; anything else is a finding: another exception, a crash, more than 5 s of processor time. An input has 512 MiB of
memory. What got an answer of new words becomes a seed too.

Findings are written to --out with the seed that made them (three of a kind); `--replay FILE --target T` reads one
again. The same --seed and --inputs try the same inputs. Exit code 1 where there are findings.

    python scripts/fuzz.py --target dicom --minutes 10 --seed 7
    python scripts/fuzz.py --target upload --inputs 2000 --json
"""

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from fuzzing.isolation import Outcome, Reader
from fuzzing.mutation import mutate
from fuzzing.targets import TARGETS
from fuzzing.uploading import Uploader, upload_seeds

from trus.files import write_bytes, write_text

NAMES = [*TARGETS, "upload"]
MOST_FURTHER, FROM_FURTHER, SAVED_OF_A_KIND = 1000, 0.3, 3


@dataclass
class Report:
    """What came of the inputs of one target."""

    target: str
    seed: int
    seeds: int
    inputs: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    words: set[str] = field(default_factory=set)
    slowest: float = 0.0


def fuzz(name: str, seed: int, minutes: float, inputs: int | None, out: Path, real: bool) -> Report:
    """Try inputs until the time or their number is over."""
    seeds = upload_seeds(real) if name == "upload" else TARGETS[name].seeds(real)
    further: list[bytes] = []
    number = random.Random(f"{name} {seed}")
    report = Report(name, seed, len(seeds))
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, closing(_reader(name, Path(folder))) as reader:
        for data in seeds:
            if reader.read(data).found:
                raise SystemExit(f"{name}: a seed itself is a finding; mend that first")
        while time.monotonic() - start < 60 * minutes and (inputs is None or report.inputs < inputs):
            data = mutate(further if further and number.random() < FROM_FURTHER else seeds, number)
            begun = time.monotonic()
            outcome = reader.read(data)
            report.slowest = max(report.slowest, time.monotonic() - begun)
            _note(report, outcome, data, further, out)
    report.seconds = time.monotonic() - start
    return report


def _reader(name: str, folder: Path) -> Reader | Uploader:
    return Uploader() if name == "upload" else Reader(TARGETS[name], folder)


def _note(report: Report, outcome: Outcome, data: bytes, further: list[bytes], out: Path) -> None:
    report.inputs += 1
    report.outcomes[outcome.kind] += 1
    words = re.sub(r"\d+|'.*'", "#", outcome.text)[:80]
    if outcome.found:
        kind = _kind(outcome)
        report.findings[kind] += 1
        if report.findings[kind] <= SAVED_OF_A_KIND:
            _save(report, outcome, data, out)
    elif words not in report.words and len(further) < MOST_FURTHER:
        report.words.add(words)
        further.append(data)


def _kind(outcome: Outcome) -> str:
    """Findings of one place are of one kind: the last line of the code and the type of the error."""
    places = re.findall(r'File "[^"]*/([^"/]+/[^"/]+)", line (\d+)', outcome.text)
    last = outcome.text.strip().rpartition("\n")[2].partition(":")[0]
    return f"{outcome.kind}: {last}" + (f" at {':'.join(places[-1])}" if places else "")


def _save(report: Report, outcome: Outcome, data: bytes, out: Path) -> None:
    path = out / f"{report.target}_seed{report.seed}_{report.inputs}.bin"
    write_bytes(path, data)
    write_text(path.with_suffix(".txt"), f"{outcome.kind}\n{outcome.text}\n")


def replay(name: str, path: Path) -> Outcome:
    """Read one saved input again."""
    with tempfile.TemporaryDirectory() as folder, closing(_reader(name, Path(folder))) as reader:
        return reader.read(path.read_bytes())


def _print(report: Report) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.outcomes.items()))
    origin = f"{report.seeds} seeds in {report.seconds:.0f} s (seed {report.seed})"
    rest = f"{len(report.words)} different answers; slowest {report.slowest:.2f} s"
    print(f"{report.target}: {report.inputs} inputs of {origin}: {kinds}; {rest}", flush=True)
    for kind, count in report.findings.most_common():
        print(f"  FINDING {count} x {kind}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=NAMES, action="append", help="one or several; all of them without")
    parser.add_argument("--minutes", type=float, default=10, help="for each target")
    parser.add_argument("--inputs", type=int, help="at most so many for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--made", action="store_true", help="made seeds only, whether or not real files are there")
    parser.add_argument("--out", type=Path, default=Path("outputs/fuzz"), help="folder of the findings")
    parser.add_argument("--replay", type=Path, help="read this file again and print what comes")
    parser.add_argument("--json", action="store_true", help="one JSON line for each target")
    options = parser.parse_args()
    if options.replay:
        outcome = replay((options.target or NAMES)[0], options.replay)
        print(f"{outcome.kind}: {outcome.text}")
        sys.exit(int(outcome.found))
    found = False
    for name in options.target or NAMES:
        report = fuzz(name, options.seed, options.minutes, options.inputs, options.out, not options.made)
        print(json.dumps(vars(report) | {"words": len(report.words)})) if options.json else _print(report)
        found |= bool(report.findings)
    sys.exit(int(found))


if __name__ == "__main__":
    main()
