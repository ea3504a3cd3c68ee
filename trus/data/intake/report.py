"""What an intake tells its user: counts, ids and reasons, and never a name or a path of a raw file."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trus.data.intake.pseudonyms import is_image_id

if TYPE_CHECKING:
    from trus.data.intake.intake import Result

SHOWN = 20
"""So many refused files are printed one by one; sources.csv holds them all."""


def summary(result: "Result") -> Iterator[str]:
    """Lines for stdout: what came in, what came out, where it is, what to do next."""
    outcome, published, folders = result.outcome, result.published, result.folders
    again = [f"{n} {words}" for n, words in ((outcome.earlier, "done earlier"), (outcome.same, "repeated")) if n]
    yield f"{outcome.files} files in" + (f" ({', '.join(again)})" if again else "")
    yield f"{published.frames} frames out, {published.new} of them new, of {_patients(result)}"
    if published.accepted:
        whole = f", {published.accepted_whole} of them whole, uncut" if published.accepted_whole else ""
        yield f"{published.accepted} frames accepted by a person{whole}"
    yield from _counted("no spacing", published.no_spacing)
    yield from _counted("in quarantine", published.held)
    yield from _counted("refused", Counter(reason for _, reason in outcome.refused), "file")
    if published.frames:
        yield f"manifest: {folders.out / 'manifest.csv'} (this folder may be handed on)"
    yield f"private:  {folders.private} (must stay: key, quarantine, contact sheets, sources.csv)"
    sheets = result.sheets
    if sheets.sheets:
        yield f"next: look at contact_sheets/: {sheets.sheets} sheets show {sheets.pairs} of {sheets.frames} frames"
    if published.held:
        yield "next: look at quarantine/; copy quarantine.csv, delete what must not go out, give the copy to --accept"


def notes(result: "Result") -> Iterator[str]:
    """Lines for stderr: what needs attention."""
    outcome, published, found = result.outcome, result.published, result.found
    if result.new_key:
        yield "a new key for the pseudonyms was made: keep it, without it the same patient gets another pseudonym"
    for count, words in (
        (found.outside, "links lead outside of the input and were not followed"),
        (found.hidden, "hidden files and folders were left out"),
        (found.special, "pipes and devices were left out"),
        (found.unreadable, "folders may not be read and were left out"),
        (outcome.changed, "files are in OUT already and would be cut otherwise by the regions or spacings given now; "
                          "they stay as they were: for others, choose another -o"),
    ):  # fmt: skip
        if count:
            yield f"note: {count} {words}"
    if published.without_patient:
        yield f"note: {published.without_patient} frames have no patient id and cannot be split by patient"
    for file_id, reason in outcome.refused[:SHOWN]:
        yield f"refused: file {file_id}: {reason}"
    if len(outcome.refused) > SHOWN:
        yield f"refused: {len(outcome.refused) - SHOWN} more; see sources.csv"
    if published.held:
        yield f"ATTENTION: {published.held.total()} frames are in quarantine and not in OUT until a person accepts them"
    if published.unknown:
        yield from _unknown(published.unknown)
    if outcome.unwritable:
        yield f"error: a frame cannot be written ({outcome.unwritable}); started again, it goes on where it stopped"
    if outcome.interrupted:
        yield "interrupted: what is done is kept; started again, it goes on where it stopped"


def _unknown(lines: list[str]) -> Iterator[str]:
    """What is no id may be a line of another list, with a name in it: it is counted, not quoted."""
    ids = [line for line in lines if is_image_id(line)]
    if ids:
        yield f"--accept: no frame in quarantine has the id {', '.join(ids[:SHOWN])}"
    if len(lines) > len(ids):
        yield f"--accept: {len(lines) - len(ids)} lines hold no id; give an edited copy of quarantine.csv"


def _patients(result: "Result") -> str:
    count = result.published.patients
    return f"{count} patient{'' if count == 1 else 's'}"


def _counted(title: str, reasons: Counter[str], what: str = "frame") -> Iterator[str]:
    for reason, count in reasons.most_common():
        yield f"{title}: {count} {what}{'' if count == 1 else 's'}: {reason or 'no reason given'}"
