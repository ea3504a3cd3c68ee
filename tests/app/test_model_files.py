"""Model files that are found, and those that are loaded while the application runs."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from trus.app.found import DEEPEST, FoundModels, is_synthetic, usual_places
from trus.inference.predictor import read_model_file

from .in_process import API, unpack


def kind_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def uploads_held() -> int:
    return sum("memfd:upload" in str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink())


@pytest.fixture
def shelf(tiny_model, tmp_path):
    """A folder with a model file, a broken one and something else."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    shutil.copy(tiny_model.onnx, folder / "good.onnx")
    (folder / "cut.onnx").write_bytes(tiny_model.onnx.read_bytes()[:3000])
    (folder / "notes.txt").write_text("no model")
    return folder


@pytest.fixture
def png(dataset) -> bytes:
    return (dataset / "images" / "p2_0.png").read_bytes()


def test_the_session_tells_what_is_loaded_and_what_can_be(open_application, run, shelf, tmp_path, tiny_model):
    async def scenario():
        async with open_application(found=FoundModels((shelf,)), save_folder=tmp_path / "saved") as browser:
            return await browser.get(f"{API}/session")

    session = run(scenario()).json()
    assert session["local"] is True
    assert session["default_model"] == "tiny"
    assert session["save_folder"] == str(tmp_path / "saved")
    assert session["limits"]["max_pixels"] == 16_000_000
    (model,) = session["models"]
    assert model["targets"] == [
        {"name": "gland", "value": 1, "threshold": 0.5},
        {"name": "lesion", "value": 2, "threshold": 0.5},
    ]
    assert model["contains"] == {"gland": ["lesion"]}
    assert model["labels"] == {"0": "background", "1": "gland", "2": "lesion"}
    assert (model["synthetic"], model["input_shape"], model["score"]) == (False, [1, 32, 32], None)
    assert "CC0-1.0" in model["licence_note"]
    (found,) = session["found"]
    assert (found["name"], found["folder"], found["file"]) == ("tiny", str(shelf), "good.onnx")
    assert found["bytes"] == tiny_model.onnx.stat().st_size


def test_a_found_model_is_loaded_once(open_application, run, shelf, png):
    async def scenario():
        async with open_application(models={}, found=FoundModels((shelf,))) as browser:
            study = await browser.open(png)
            before = await browser.get(f"{API}/session"), await browser.frame(study, 0, "/result")
            choice = {"id": before[0].json()["found"][0]["id"]}
            loaded = [await browser.post(f"{API}/models", json=choice) for _ in range(2)]
            return before, loaded, await browser.frame(study, 0, "/result"), await browser.get(f"{API}/session")

    (session, without), loaded, result, after = run(scenario())
    assert (session.json()["default_model"], session.json()["models"]) == (None, [])
    assert kind_of(without) == (404, "no-model")
    assert loaded[0].status_code == 200
    assert loaded[0].json() == loaded[1].json() == after.json()["models"][0]
    assert after.json()["default_model"] == "tiny"
    assert unpack(result.content).labels.any()


def test_a_dropped_model_is_loaded_and_its_file_is_gone(open_application, run, tiny_model, png):
    async def scenario():
        async with open_application(models={}) as browser:
            study = await browser.open(png)
            held, descriptors = browser.app.service.memory.held, uploads_held()
            loaded = await browser.post(f"{API}/models", content=tiny_model.onnx.read_bytes())
            after = browser.app.service.memory.held - held, uploads_held() - descriptors
            return loaded, after, await browser.frame(study, 0, "/result", model="tiny")

    loaded, (held, descriptors), result = run(scenario())
    assert loaded.json()["name"] == "tiny"
    assert (held, descriptors) == (0, 0)
    assert unpack(result.content).document["model"] == "tiny"


def test_models_of_one_name_are_told_apart(open_application, run, tiny_model, tmp_path, png):
    changed = tiny_model.onnx.read_bytes().replace(b"2026-11-23T00:00:00", b"2026-11-23T00:00:01")

    async def scenario():
        async with open_application() as browser:
            loaded = await browser.post(f"{API}/models", content=changed)
            study = await browser.open(png)
            answers = [await browser.frame(study, 0, "/result", model=name) for name in ("tiny", "tiny-2")]
            return loaded, answers

    loaded, answers = run(scenario())
    assert loaded.json()["name"] == "tiny-2"
    first, second = (unpack(answer.content) for answer in answers)
    assert first.document["sha256"] != second.document["sha256"]
    assert np.array_equal(first.planes, second.planes)


@pytest.mark.parametrize("damage", ["nothing", "text", "cut", "foreign"])
def test_a_broken_model_file_is_one_clear_problem(browser, tiny_model, damage):
    whole = tiny_model.onnx.read_bytes()
    content = {"nothing": b"", "text": b"words" * 99, "cut": whole[:-999], "foreign": whole.replace(b"trus", b"turs")}
    before = browser.get(f"{API}/session").json()["models"]
    refused = browser.post(f"{API}/models", content=content[damage])
    assert kind_of(refused) == (422, "model-file")
    assert refused.json()["detail"].startswith("the file: ")
    assert "/proc" not in refused.text
    assert browser.get(f"{API}/session").json()["models"] == before


@pytest.mark.parametrize("choice", ['{"id": "../../etc"}', '{"id": 5}', "{}", "[]", "no json", '{"id": "' + "x" * 2000])
def test_a_choice_that_is_none_is_refused(browser, choice):
    answer = browser.post(f"{API}/models", content=choice, headers={"Content-Type": "application/json"})
    assert kind_of(answer) in ((404, "no-such-model"), (422, "parameters"), (413, "too-large"))


def test_not_too_many_are_loaded(open_application, run, shelf, monkeypatch):
    monkeypatch.setattr("trus.app.routes.models.MOST_MODELS", 1)
    content = (shelf / "good.onnx").read_bytes().replace(b"2026-11-23T00:00:00", b"2026-11-23T00:00:01")

    async def scenario():
        async with open_application() as browser:
            return await browser.post(f"{API}/models", content=content)

    assert kind_of(run(scenario())) == (409, "too-many-models")


def test_pages_for_other_computers_load_and_offer_nothing(open_application, run, shelf, tiny_model):
    async def scenario():
        async with open_application(local=False, tokens=(), found=FoundModels((shelf,)), save_folder=shelf) as browser:
            posted = await browser.post(f"{API}/models", content=tiny_model.onnx.read_bytes())
            return posted, await browser.get(f"{API}/session")

    posted, session = run(scenario())
    assert kind_of(posted) == (403, "not-local")
    assert (session.json()["found"], session.json()["save_folder"]) == ([], None)


def test_files_are_looked_for_in_few_places(tiny_model, tmp_path):
    tree = tmp_path / "outputs"
    deep = tree.joinpath(*"abcdefgh"[:DEEPEST])
    for folder in (tree / "run", deep, deep / "deeper", tree / ".hidden", tmp_path / "beside"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_model.onnx, folder / "model.onnx")
    (tree / "link").symlink_to(tmp_path / "beside")
    shutil.copy(tiny_model.onnx, tree / "run" / "other.onnx")
    other = tiny_model.onnx.read_bytes().replace(b"2026-11-23T00:00:00", b"2026-11-23T00:00:01")
    (tree / "run" / "model.onnx").write_bytes(other)
    os.utime(tree / "run" / "model.onnx", (1, 1))
    found = FoundModels(trees=(tree,)).look()
    assert [model.path for model in found] == [deep / "model.onnx", tree / "run" / "model.onnx"], "newest first"
    (tree / "mlartifacts").mkdir()
    (tree / "mlartifacts" / "model.onnx").write_bytes(other)
    (tree / "copy").mkdir()
    (tree / "copy" / "model.onnx").write_bytes(other)
    found = FoundModels(trees=(tree,)).look()
    assert [model.path for model in found] == [tree / "copy" / "model.onnx", deep / "model.onnx"], "no model twice"


def test_a_file_that_came_or_changed_is_seen(shelf):
    found = FoundModels((shelf, shelf / "nowhere"))
    (model,) = found.look()
    assert found.find(model.id).path == shelf / "good.onnx"
    (shelf / "good.onnx").rename(shelf / "better.onnx")
    (other,) = found.look()
    assert other.path == shelf / "better.onnx"
    assert found.find(model.id) is None


def test_the_usual_places(shelf, tmp_path, monkeypatch):
    monkeypatch.chdir(shelf)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    kept = tmp_path / "data" / "trus" / "models"
    trained = shelf / "outputs" / "run"
    content = (shelf / "good.onnx").read_bytes()
    for number, folder in enumerate((kept, trained)):
        folder.mkdir(parents=True)
        changed = content.replace(b"2026-11-23T00:00:00", f"2026-11-23T00:00:1{number}".encode())
        (folder / "model.onnx").write_bytes(changed)
    found = {model.path.parent for model in usual_places().look()}
    assert found == {shelf, kept, trained}


def test_a_model_of_the_phantom_is_called_synthetic(tiny_model):
    metadata, _ = read_model_file(tiny_model.onnx)
    assert not is_synthetic(metadata)
    phantom = metadata.data.model_copy(update={"sources": ["synthetic phantom"]})
    assert is_synthetic(metadata.model_copy(update={"data": phantom}))
