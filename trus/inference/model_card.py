"""The model card of a model file, as Markdown.

Its sections are those of Mitchell et al., Model Cards for Model Reporting, FAT* 2019; what the file does not know is
said to be unknown, and nothing is added to what was measured.
"""

import html
from collections.abc import Iterator
from typing import Any

from trus.inference.description import say, say_appearance, say_operating_point, say_patients, say_score
from trus.inference.metadata import ModelMetadata, Quantisation
from trus.inference.postprocessing import Rule
from trus.nested import flatten


def write_card(description: dict[str, Any]) -> str:
    """What `describe_model` gave -> Markdown."""
    metadata = ModelMetadata.model_validate(description["metadata"])
    file = description["file"]
    sections = [
        ("Model details", _details(metadata, file)),
        ("Intended use", _intended_use(metadata)),
        ("Factors", _factors()),
        ("Metrics", _metrics(metadata)),
        ("Evaluation data", _evaluation_data(metadata)),
        ("Training data", _training_data(metadata)),
        ("Quantitative analyses", _analyses(metadata)),
        ("Ethical considerations", _ethics()),
        ("Caveats and recommendations", _caveats(metadata)),
        ("How to use", _usage(file["name"])),
    ]
    parts = [f"# Model card: {_text(metadata.name)}", f"**{_text(metadata.statement)}**"]
    for title, lines in sections:
        parts.append("\n".join([f"## {title}", "", *lines]))
    return "\n\n".join(parts) + "\n"


def _details(metadata: ModelMetadata, file: dict[str, Any]) -> Iterator[str]:
    training = metadata.training
    yield from _list(
        ("File", f"{file['name']}, {file['bytes'] / 1e6:.1f} MB, SHA-256 `{file['sha256']}`"),
        ("Written", f"{metadata.created} by trus {metadata.trus_version}, metadata schema {metadata.schema_version}"),
        ("Network", ", ".join(f"{name} {value}" for name, value in flatten(training.config).items())),
        ("Input", "float32 (N, {}, {}, {})".format(*metadata.input_shape)),
        ("Output", f"probabilities (N, {len(metadata.thresholds)}, height, width), one sigmoid channel a class"),
        ("Initial weights", f"{training.initial_weights}; licence: {training.initial_weights_licence}"),
        ("Run", f"{training.run_id or 'not tracked'}; git {training.git_commit or 'not known'}"),
        ("Fold, seed, epoch", f"{training.fold}, {training.seed}, {training.epoch}"),
    )
    yield from ["", "| class | label | contains | threshold | post-processing |", "| --- | --- | --- | --- | --- |"]
    classes = metadata.class_set
    for name, threshold in zip(classes.targets, metadata.thresholds, strict=True):
        inner = ", ".join(sorted(classes.inside(name))) or "-"
        rule = metadata.postprocessing.get(name, Rule())
        yield f"| {_text(name)} | {classes.values[name]} | {_text(inner)} | {threshold:g} | {rule} |"
    yield from ["", "Preprocessing, done by trus from the settings in the file:", ""]
    yield from _list(*((name, str(value)) for name, value in flatten(metadata.preprocessing).items()))


def _intended_use(metadata: ModelMetadata) -> Iterator[str]:
    yield f"Research on segmenting {', '.join(map(_text, metadata.class_set.targets))} in ultrasound frames. {_text(metadata.statement)}"  # noqa: E501
    yield ""
    yield "Out of scope: any use on which a person's care depends; frames of other organs, scanners or settings than"
    yield "those it was trained on, unless it was evaluated on them first."


def _factors() -> Iterator[str]:
    yield "Scanner, probe, gain, depth, operator, patient and annotator change what such a network sees. The file does"
    yield "not hold scores by any of them; `scripts/evaluate.py` reports them where the manifest names them."


def _metrics(metadata: ModelMetadata) -> Iterator[str]:
    yield "Mean per-image IoU (and Dice where given), averaged over classes. Intervals are 95 %, from a bootstrap over"
    yield "patients. Frames whose reference is empty are not in the mean; a missed target scores 0."
    yield ""
    yield f"Thresholds: {_text(say_operating_point(metadata.operating_point))}."


def _evaluation_data(metadata: ModelMetadata) -> Iterator[str]:
    training = metadata.training
    part = metadata.score.part if metadata.score else "no"
    yield f"The {_text(part)} part of split `{_text(training.split_hash)}`, fold {training.fold}, of data `{_text(training.data_hash)}`."  # noqa: E501
    if metadata.score and metadata.score.part == "validation":
        yield "The epoch was chosen on the same frames, so the score is somewhat too good; the test part was not used."


def _training_data(metadata: ModelMetadata) -> Iterator[str]:
    data = metadata.data
    yield from _list(
        ("Frames", f"{data.frames}, {say_patients(data.patients)}, {data.cropped} cropped to a region"),
        ("Sources", ", ".join(data.sources) or "not stated"),
        ("Licences", ", ".join(data.licences) or "not stated"),
    )
    yield from ["", "What the training frames look like (98 % of them; trus/inference/appearance):", ""]
    yield from _list(*say_appearance(metadata.appearance).items())


def _analyses(metadata: ModelMetadata) -> Iterator[str]:
    yield from _list(("Score", say_score(metadata.score)))
    point = metadata.operating_point
    if point:
        yield from _list(("IoU gained by the operating point, on folds left out", say(point.gain)))
    if metadata.quantisation:
        yield from _quantisation(metadata.quantisation)


def _quantisation(done: Quantisation) -> Iterator[str]:
    yield from _list(
        ("Quantisation", done.method),
        ("Left in float", f"{len(done.left_out)} of {done.layers} layers, and the last one"),
        ("Dice of the float network", say(done.dice_before)),
        ("Dice of this one", say(done.dice_after)),
        ("Dice lost", f"{say(done.dice_loss)}, {done.dice_loss.frames} validation frames"),
        ("Speed", f"{done.speed_up:.2f} times the float network's, {done.processor}, {done.threads} threads"),
        ("Float file", f"SHA-256 `{done.source_sha256}`"),
    )


def _ethics() -> Iterator[str]:
    yield "Where the training data come from people, whether they may be used for a purpose is for those who hold them"
    yield "to say; the licences above are what the manifest states. The file holds no frame, but weights can in"
    yield "principle reveal something of the frames they were made from: hand it on only where the data might go, too."


def _caveats(metadata: ModelMetadata) -> Iterator[str]:
    score = metadata.score
    if score is None or not score.grouped:
        yield "- Patients were not known when the data were split, or no score is held: one patient's frames may stand"
        yield "  on both sides, and scores may be too good."
    if metadata.data.cropped:
        yield "- Trained on cropped frames: give the same region, or the masks will be worse."
    yield "- A probability is the network's own and need not be calibrated."
    yield "- Evaluate it on your own annotated frames before you rely on a number here."


def _usage(name: str) -> Iterator[str]:
    yield from ["```", f"trus predict --model {_text(name)} FRAMES -o OUT", f"trus inspect {_text(name)}", "```"]


def _list(*entries: tuple[str, str]) -> Iterator[str]:
    for title, value in entries:
        yield f"- {_text(title)}: {_text(value)}"


def _text(value: str) -> str:
    """One line of plain text: a file's words must not become headings, links or HTML."""
    line = " ".join(str(value).split())
    for mark in ("|", "[", "]", "*", "_", "#"):
        line = line.replace(mark, f"\\{mark}")
    return html.escape(line, quote=False)
