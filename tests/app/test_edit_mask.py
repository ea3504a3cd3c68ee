"""The editor's mask against the project's own rules of classes: thresholds, nesting, corrections, keeping."""

from itertools import pairwise

import numpy as np
import pytest

from trus.data.classes import Classes

from .edit_modules import blobs, modules

__all__ = ["modules"]

SIZE = 23, 31
NESTED = Classes({0: "background", 1: "gland", 2: "lesion"}, {"gland": ("lesion",)}, ("gland", "lesion"))
BESIDE = Classes({0: "background", 3: "nerve", 7: "vessel"}, {}, ("nerve", "vessel"))
DEEP = Classes(
    {0: "background", 1: "gland", 2: "zone", 3: "lesion", 9: "bladder"},
    {"gland": ("zone",), "zone": ("lesion",)},
    ("gland", "zone", "lesion", "bladder"),
)
EVERY = pytest.mark.parametrize("classes", [NESTED, BESIDE, DEEP], ids=["nested", "beside", "deep"])

MAKE = """
    const make = () => m.Mask.fromResult({
        model: 'tiny', sha256: 'f'.repeat(64), size, contains, targets,
        planes: q.map(plane), labels: plane(labels),
    });
    const planes = (mask) => mask.targets.map((_, k) => Array.from(mask.plane(k)));
"""


def _content(classes: Classes, seed: int = 0) -> dict:
    """A result: smooth random probabilities, and a model's mask that post-processing has changed."""
    generator = np.random.default_rng(seed)
    q = [_smooth(generator) for _ in classes.targets]
    labels = classes.decode(np.stack(q).astype(np.float32) / 256, [0.5] * len(q))
    labels[:6] = 0
    names = [{"name": name, "value": classes.values[name], "threshold": 0.5} for name in classes.targets]
    contains = {outer: list(inner) for outer, inner in classes.contains.items()}
    return {"q": q, "labels": labels, "targets": names, "contains": contains, "size": SIZE}


def _smooth(generator: np.random.Generator) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(generator.integers(0, 256, SIZE).astype(np.uint8), (0, 0), 1.2)


def _run(modules, classes: Classes, statements: str, **values):
    """What the statements return, with `make()` and `planes(mask)` at hand."""
    return modules.call("mask/mask.js", f"(() => {{ {MAKE} {statements} }})()", **_content(classes), **values)


@EVERY
def test_it_begins_as_the_models_mask(modules, classes):
    content = _content(classes)
    shown, labels = _run(modules, classes, "const a = make(); return [planes(a), Array.from(a.toLabels())];")
    np.testing.assert_array_equal(np.reshape(shown, (-1, *SIZE)), classes.planes(content["labels"]))
    np.testing.assert_array_equal(np.reshape(labels, SIZE), content["labels"])


@EVERY
def test_thresholds_decide_as_the_project_does(modules, classes):
    content = _content(classes)
    for thresholds in ([100] * 4, [140, 90, 120, 128], [0, 256, 1, 255]):
        chosen = thresholds[: len(classes.targets)]
        labels = _run(
            modules,
            classes,
            "const a = make(); a.setThresholds(chosen); return Array.from(a.toLabels());",
            chosen=chosen,
        )
        expected = classes.decode(np.stack(content["q"]).astype(np.float32) / 256, np.array(chosen) / 256)
        np.testing.assert_array_equal(np.reshape(labels, SIZE), expected)


def test_a_class_whose_threshold_was_not_moved_stays_as_the_model_has_it(modules):
    """Post-processing included: here it emptied the upper rows."""
    content = _content(BESIDE)
    shown = _run(modules, BESIDE, "const a = make(); a.setThreshold(0, 256); return planes(a);")
    own = BESIDE.planes(content["labels"])
    np.testing.assert_array_equal(np.reshape(shown, (-1, *SIZE)), [np.zeros(SIZE), own[1]])
    assert (content["q"][1][:6] >= 128).any()


@EVERY
def test_corrections_stay_when_a_threshold_moves_and_go_with_the_models_mask(modules, classes):
    content = _content(classes)
    before, kept, corrected, after = _run(
        modules,
        classes,
        """const a = make(); const k = targets.length - 1;
           const box = {x0: 4, y0: 8, x1: 12, y1: 16};
           a.paint(k, {box, data: new Uint8Array(64).fill(1)}, true);
           const before = planes(a)[k];
           a.setThreshold(k, 256); const kept = planes(a)[k]; const corrected = a.corrected;
           a.reset(); return [before, kept, corrected, Array.from(a.toLabels())];""",
    )
    inside = np.zeros(SIZE, bool)
    inside[8:16, 4:12] = True
    assert np.reshape(before, SIZE)[inside].all()
    np.testing.assert_array_equal(np.reshape(kept, SIZE).astype(bool), inside)
    assert corrected
    np.testing.assert_array_equal(np.reshape(after, SIZE), content["labels"])


EDIT = """
    const edit = (a) => { for (const {k, x0, y0, x1, y1, data, how} of steps) {
        const part = {box: {x0, y0, x1, y1}, data: plane(data)};
        if (how === 'replace') a.replace(k, part);
        else if (how === 'threshold') a.setThreshold(k, data[0]);
        else a.paint(k, part, how === 'on');
    } };
"""


def _steps(classes: Classes, count: int, seed: int) -> list[dict]:
    generator = np.random.default_rng(seed)
    steps = []
    for _ in range(count):
        y0, x0 = int(generator.integers(0, SIZE[0] - 4)), int(generator.integers(0, SIZE[1] - 4))
        y1, x1 = int(generator.integers(y0 + 1, SIZE[0] + 1)), int(generator.integers(x0 + 1, SIZE[1] + 1))
        how = str(generator.choice(["on", "off", "replace", "threshold"], p=[0.4, 0.3, 0.2, 0.1]))
        threshold = np.array([generator.integers(1, 256)])
        data = threshold if how == "threshold" else blobs(generator, (y1 - y0, x1 - x0))
        k = int(generator.integers(len(classes.targets)))
        steps.append({"k": k, "x0": x0, "y0": y0, "x1": x1, "y1": y1, "data": data, "how": how})
    return steps


@EVERY
def test_inner_classes_lie_within_outer_ones_and_neighbours_share_no_pixel(modules, classes):
    for seed in range(4):
        steps = _steps(classes, 25, seed)
        shown, labels = _run(
            modules,
            classes,
            EDIT + "const a = make(); edit(a); return [planes(a), Array.from(a.toLabels())];",
            steps=steps,
        )
        np.testing.assert_array_equal(np.reshape(shown, (-1, *SIZE)), classes.planes(np.reshape(labels, SIZE)))


def test_what_was_painted_is_on_and_what_was_erased_is_off(modules):
    shown = _run(
        modules,
        NESTED,
        """const a = make(); const box = {x0: 0, y0: 0, x1: 31, y1: 23}; const all = new Uint8Array(713).fill(1);
           a.paint(0, {box, data: all}, false); const none = planes(a);
           a.paint(1, {box: {x0: 3, y0: 3, x1: 5, y1: 5}, data: new Uint8Array(4).fill(1)}, true);
           return [none, planes(a)].map((p) => p.map((q) => q.reduce((x, y) => x + y)));""",
    )
    assert shown == [[0, 0], [4, 4]]  # erasing the gland erases the lesion; painting a lesion paints gland around it


@EVERY
def test_a_kept_mask_comes_back_whole(modules, classes):
    steps = _steps(classes, 12, 5)
    first, second, third, fourth = _run(
        modules,
        classes,
        EDIT
        + """const a = make(); edit(a); const kept = structuredClone(a.serialize()); const b = m.Mask.restore(kept);
             const first = planes(a), second = planes(b);
             a.pack(); b.attach({sha256: a.sha256, planes: q.map(plane), labels: plane(labels)});
             a.attach({sha256: a.sha256, planes: q.map(plane), labels: plane(labels)});
             for (const each of [a, b]) each.setThreshold(0, 77);
             return [first, second, planes(a), planes(b)];""",
        steps=steps,
    )
    assert first == second
    assert third == fourth


def test_damaged_work_is_refused(modules):
    kept = "const kept = make().serialize(); kept.edits[0] = kept.edits[0].slice(0, 1);"
    name = _run(modules, NESTED, kept + "try { m.Mask.restore(kept) } catch (error) { return error.name } return '';")
    assert name == "RangeError"


def test_runs_give_the_label_map(modules):
    for values in (_content(NESTED)["labels"].ravel(), np.zeros(0, np.uint8), np.full(70000, 3, np.uint8)):
        runs, back, packed = modules.call(
            "mask/runs.js",
            """[m.toRuns(plane(v)), Array.from(m.fromRuns(m.toRuns(plane(v)), v.length)),
                Array.from(m.unpack(m.pack(plane(v)), v.length))]""",
            v=values,
        )
        np.testing.assert_array_equal(np.repeat([r[0] for r in runs], [r[1] for r in runs]), values)
        assert back == packed == values.tolist()
        assert all(first[0] != second[0] for first, second in pairwise(runs))


@EVERY
def test_changes_are_small_and_go_both_ways(modules, classes):
    steps = _steps(classes, 15, 9)
    found = modules.call(
        "mask/change.js",
        """(async () => { const {Mask} = await import('/js/mask/mask.js'); const m = {Mask};"""
        + MAKE
        + EDIT
        + """const c = await import('/js/mask/change.js');
             const a = make(); const start = planes(a); const states = [start], changes = [];
             for (const step of steps) {
               const recording = new c.Recording(a); const old = steps.splice(0, steps.length, step); edit(a);
               steps.splice(0, 1, ...old); changes.push(recording.finish()); states.push(planes(a));
             }
             const at = (i) => JSON.stringify(states[i]) === JSON.stringify(planes(a));
             const wrong = [];
             for (let i = steps.length - 1; i >= 0; i -= 1) {
               if (changes[i]) c.applyChange(a, changes[i], 'before'); if (!at(i)) wrong.push(['undo', i]);
             }
             for (let i = 0; i < steps.length; i += 1) {
               if (changes[i]) c.applyChange(a, changes[i], 'after'); if (!at(i + 1)) wrong.push(['redo', i]);
             }
             return wrong; })()""",
        steps=steps,
        **_content(classes),
    )
    assert found == []


def test_nothing_changed_is_no_change(modules):
    found = modules.call(
        "mask/change.js",
        """(async () => { const {Mask} = await import('/js/mask/mask.js'); const m = {Mask};"""
        + MAKE
        + """const c = await import('/js/mask/change.js'); const a = make(); const r = new c.Recording(a);
             const box = {x0: 0, y0: 0, x1: 2, y1: 2};
             a.paint(1, {box, data: new Uint8Array(4)}, true); a.setThreshold(0, 9); a.setThreshold(0, null);
             return r.finish(); })()""",
        **_content(NESTED),
    )
    assert found is None
