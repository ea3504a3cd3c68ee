"""trus against what a user would pick instead, in equal wall clock: `python scripts/compare_peers.py`.

    python scripts/compare_peers.py --set usgra --minutes 12 --peers trus:recommended,smp_lite0,smp_resnet18
    python scripts/compare_peers.py --set trus_gland --set busi_subset --folds 0,1,2,3,4 --seeds 0,1
    python scripts/compare_peers.py --set usgra --minutes 12 --peers trus:recommended,nnunet_small@10
    python scripts/compare_peers.py --set my/manifest.csv --size 256,256
    python scripts/compare_peers.py --smallest            # whether it works: seconds on SYNTHETIC frames

Every peer trains on the same frames with the same cores for the same time in an environment of its own, writes masks of
the same test frames, and is scored by the same code; docs/comparison.md says what is equal and what is not. Started
again, it goes on: a fit that was recorded is not done twice. Exit code 1 where a fit failed.
"""

import argparse
import os
import sys
from pathlib import Path

from peers import environments, fits, scoring, sets

from trus.errors import TrusError

ROOT = Path(__file__).resolve().parents[1]
PEERS = "trus:recommended,smp_lite0,smp_lite0_augmented,smp_resnet18,monai_unet,monai_dynunet,nnunet_small"
SMALLEST = [
    "trus=trus:unet_small+preprocessing.size=[64,64]+data.batch_size=4+trainer.max_epochs=999+callbacks.early_stopping=null",
    "smp_resnet18",
]


def compare(name: str, options: argparse.Namespace) -> bool:
    """One set: its folds, every fit, scores and tables; returns whether all fits are done."""
    out = options.out / ("_".join(Path(name).with_suffix("").parts[-2:]))
    prepared = sets.prepare(name, out, options.folds, options.size)
    peers = [fits.parse_peer(text) for text in options.peers]
    planned = [
        fits.Fit(peer, fold, seed, 60 * options.minutes * peer.times, options.threads)
        for fold in prepared.folds
        for seed in options.seeds
        for peer in peers
    ]
    for number, fit in enumerate(planned, 1):
        print(
            f"{name}, fit {number} of {len(planned)}: {fit.peer.label}, fold {fit.fold.number}, seed {fit.seed}",
            flush=True,
        )
        fits.run(fit, options.cache)
    groups = {peer: [fit for fit in planned if fit.peer == peer] for peer in peers}
    whole = {peer: group for peer, group in groups.items() if all(fit.is_done for fit in group)}
    table = out / f"{60 * options.minutes:g}s"
    if whole:
        runs = [scoring.score_peer(prepared, peer, group, table) for peer, group in whole.items()]
        print(scoring.tabulate(prepared, runs, {peer.label: group for peer, group in whole.items()}, table))
    return len(whole) == len(groups)


def smallest(options: argparse.Namespace) -> None:
    """Change the options to a few seconds on made frames, with those peers whose environment is there."""
    from trus.data.phantom import write_phantom

    made = write_phantom(options.out / "made", patients=10, frames=1)
    options.set, options.folds, options.seeds, options.size = [str(made)], [0], [0], (64, 64)
    options.minutes, options.threads = 0.05, 1
    ready = [text for text in SMALLEST[1:] if environments.is_ready(fits.parse_peer(text).program, options.cache)]
    options.peers = [SMALLEST[0], *ready]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", help=f"{', '.join(sets.KNOWN)}, or a manifest.csv; all three without")
    parser.add_argument("--peers", default=PEERS, type=_words, help="first the one that the others are compared with")
    parser.add_argument("--folds", default=[0], type=_integers, help="of 0 to 4, e.g. 0,1,2,3,4")
    parser.add_argument("--seeds", default=[0], type=_integers)
    parser.add_argument("--minutes", default=12.0, type=float, help="of training, for each fit")
    parser.add_argument("--threads", default=len(os.sched_getaffinity(0)), type=int, help="cores, for each fit")
    parser.add_argument("--size", type=_integers, help="HEIGHT,WIDTH for peers without a size of their own")
    parser.add_argument("--out", type=Path, default=ROOT / "outputs" / "comparison")
    parser.add_argument("--cache", type=Path, default=environments.cache_folder(), help="of the peers' environments")
    parser.add_argument("--smallest", action="store_true", help="seconds on synthetic frames, for the tests")
    return parser.parse_args()


def _words(text: str) -> list[str]:
    """Between commas, but not those within brackets: `trus:a+preprocessing.size=[64,64],smp_lite0`."""
    words, depth = [""], 0
    for letter in text:
        depth += (letter in "[{(") - (letter in ")}]")
        if letter == "," and not depth:
            words.append("")
        else:
            words[-1] += letter
    return words


def _integers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def main() -> None:
    options = parse()
    os.environ.setdefault("TRUS_OUTPUTS", str(ROOT / "outputs"))
    options.size = tuple(options.size) if options.size else None
    options.out = options.out.resolve()
    try:
        if options.smallest:
            smallest(options)
        done = [compare(name, options) for name in options.set or sets.KNOWN]
    except TrusError as error:
        sys.exit(f"error: {error}")
    sys.exit(int(not all(done)))


if __name__ == "__main__":
    main()
