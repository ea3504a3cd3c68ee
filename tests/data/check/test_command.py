"""`trus check` as people type it: what is printed, what is written, what is never written over, the exit code."""

import json
import os

import pytest
from typer.testing import CliRunner

from trus.cli import app
from trus.errors import ConfigError, ManifestError


def check(*arguments: object):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_clean_data_ends_well_and_the_page_lies_beside_the_manifest(dataset_copy):
    result = check(dataset_copy / "manifest.csv")
    assert result.exit_code == 0, result.output
    for text in ("12 frames (8 train, 4 test), 6 patients", "11 with a mask, 1 of these empty; 1 not annotated"):
        assert text in result.stdout
    assert "0 errors, 0 warnings" in result.stdout
    assert "trus check" in (dataset_copy / "check.html").read_text()


def test_errors_are_told_with_row_and_remedy_and_end_in_exit_code_1(edit_cell, tmp_path):
    path = edit_cell("p1_1", "split", "tset")
    (path.parent / "images" / "p2_0.png").write_bytes(b"")
    result = check(path, "-o", tmp_path / "page.html", "--json", tmp_path / "check.json")
    assert result.exit_code == 1
    assert "row 3, column split, value 'tset': must be train, test or empty" in result.stdout
    assert f"p2_0: {path.parent / 'images' / 'p2_0.png'}: cannot be read" in result.stdout
    content = json.loads((tmp_path / "check.json").read_text())
    assert content["counts"]["errors"] == 2
    assert {finding["code"] for finding in content["findings"]} >= {"manifest-schema", "image-unreadable"}
    assert content["data_hash"] is None
    assert (tmp_path / "page.html").is_file()


def test_strict_fails_on_warnings_until_they_are_accepted(edit_cell):
    path = edit_cell("p5_1", "mask", "")
    assert check(path).exit_code == 0
    assert check(path, "--strict").exit_code == 1
    accepted = check(path, "--strict", "--accept", "test-frame-without-mask")
    assert accepted.exit_code == 0, accepted.output
    assert "accepted" in accepted.stdout


def test_nothing_but_an_earlier_result_is_written_over(dataset_copy, tmp_path):
    manifest = dataset_copy / "manifest.csv"
    before = manifest.read_bytes()
    for option in ("-o", "--json"):
        with pytest.raises(ConfigError, match="was not written by trus check"):
            CliRunner().invoke(app, ["check", str(manifest), option, str(manifest)], catch_exceptions=False)
    assert manifest.read_bytes() == before
    for _ in range(2):
        assert check(manifest, "-o", tmp_path, "--json", tmp_path / "check.json").exit_code == 0
    assert (tmp_path / "check.html").is_file()


def test_one_file_cannot_be_both_results(dataset_copy, tmp_path):
    with pytest.raises(ConfigError, match="both"):
        CliRunner().invoke(
            app,
            ["check", str(dataset_copy / "manifest.csv"), "-o", str(tmp_path / "x"), "--json", str(tmp_path / "x")],
            catch_exceptions=False,
        )


def test_where_the_manifest_lies_on_a_read_only_disk_the_page_goes_elsewhere(dataset_copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    result = check(dataset_copy / "manifest.csv")
    assert result.exit_code == 0
    assert "cannot be written to; the page goes to ./check.html" in result.stderr
    assert (tmp_path / "check.html").is_file()


def test_no_manifest_is_one_clear_error(tmp_path):
    with pytest.raises(ManifestError, match="no such manifest"):
        CliRunner().invoke(app, ["check", str(tmp_path / "manifest.csv")], catch_exceptions=False)


def test_cells_cannot_steer_the_terminal(edit_cell):
    result = check(edit_cell("p1_1", "split", "\x1b[31m[bold]x"))
    assert "\x1b" not in result.stdout
    assert "[bold]x" in result.stdout
