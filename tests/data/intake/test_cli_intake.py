"""The command as it is typed: exit codes and what it says."""

import numpy as np
import pytest
from typer.testing import CliRunner

from trus.cli import app
from trus.data.images import write_image
from trus.data.manifest import Manifest


@pytest.fixture
def typed(tmp_path):
    def run(*options):
        arguments = ["intake", tmp_path / "raw", "-o", tmp_path / "out", "--patient-from", "none", *options]
        return CliRunner().invoke(app, [*map(str, arguments)])

    return run


def test_quarantine_alone_is_no_failure_and_is_said_aloud(tmp_path, typed, screen):
    write_image(tmp_path / "raw" / "a.png", screen(1))
    write_image(tmp_path / "raw" / "b.png", screen(2, inside="PETROV"))
    result = typed("--region", "40,50,280,230", "--classes", "nerve=1,vessel=2")
    assert result.exit_code == 0, result.output
    for part in ("2 files in", "1 frame", "in quarantine: 1 frame: text inside", "ATTENTION",
                 "cannot be split by patient", "keep it", "contact_sheets"):  # fmt: skip
        assert part in result.output
    assert Manifest.load(tmp_path / "out" / "manifest.csv").classes.targets == ("nerve", "vessel")


def test_a_refused_file_is_a_failure_after_the_rest_is_done(tmp_path, typed, screen):
    write_image(tmp_path / "raw" / "a.png", screen(1))
    (tmp_path / "raw" / "Ivanov.txt").write_text("Ivanov")
    result = typed("--region", "40,50,280,230")
    assert result.exit_code == 1
    assert "refused: file" in result.output
    assert "Ivanov" not in result.output
    assert len(Manifest.load(tmp_path / "out" / "manifest.csv").frames) == 1


def test_frames_that_are_cut_already_are_taken_whole(tmp_path, typed):
    sizes = ((60, 70), (80, 90))
    for n, size in enumerate(sizes):
        write_image(tmp_path / "raw" / f"{n}.png", np.full(size, 90, np.uint8))
    assert typed("--region", "whole").exit_code == 0
    contents = Manifest.load(tmp_path / "out" / "manifest.csv").verify()
    assert len(contents.image) == 2


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--region", "1,2,3"], "--region"),
        (["--frames", "a"], "--frames"),
        (["--patient-regex", "("], "go together"),
        (["--classes", "a=b"], "--classes"),
        (["--private", "{out}/private"], "--private"),
    ],
)
def test_wrong_options_write_nothing(tmp_path, typed, options, part, screen):
    write_image(tmp_path / "raw" / "a.png", screen(1))
    result = typed(*(option.replace("{out}", str(tmp_path / "out")) for option in options))
    assert result.exit_code == 1
    assert part in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_wrong_list_to_accept_is_not_quoted(tmp_path, typed, screen):
    write_image(tmp_path / "raw" / "Ivanov.png", screen(1))
    typed("--region", "40,50,280,230")
    given = tmp_path / "list.csv"
    unknown = "unknown_0123456789_00000"
    given.write_text((tmp_path / "out-private" / "sources.csv").read_text() + unknown)
    result = typed("--region", "40,50,280,230", "--accept", given)
    assert result.exit_code == 1
    assert "Ivanov" not in result.output
    assert f"has the id {unknown}" in result.output
    assert "2 lines hold no id" in result.output
