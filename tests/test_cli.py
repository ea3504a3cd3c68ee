"""The `trus` command as people type it: what is printed, what is written, and the exit code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trus import __version__
from trus.cli import app
from trus.cli.terminal import parse_classes, parse_spacing
from trus.data.manifest import Manifest
from trus.errors import AnnotationError, ConfigError, ManifestError

TRUS = Path(sys.executable).parent / "trus"


def trus(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a process of its own."""
    return subprocess.run([TRUS, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd)


def invoke(*arguments: object):
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_help_names_the_commands_and_the_limits():
    result = invoke("--help")
    assert result.exit_code == 0
    for word in ("phantom", "annotations", "predict", "Research use only"):
        assert word in result.stdout


def test_the_version_is_printed():
    assert invoke("--version").stdout.strip() == __version__


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("jinja2", ("check", "manifest.csv")),
        ("SimpleITK", ("annotations", "export", "nifti", "-o", "out", "--manifest", "manifest.csv")),
    ],
)
def test_a_package_that_a_small_install_lacks_is_named_with_its_extra(dataset_copy, package, arguments):
    code = f"import sys; sys.modules[{package!r}] = None; from trus.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=dataset_copy)
    message = f"error: this needs {package}, which is not installed: pip install 'trus[data]'"
    assert (done.returncode, done.stderr.strip()) == (1, message)


def test_phantom_writes_what_it_says(tmp_path):
    done = trus("phantom", tmp_path / "p", "--patients", 8, "--frames", 1)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"8 synthetic frames of 8 synthetic patients: {tmp_path / 'p' / 'manifest.csv'}\n"
    assert len(list((tmp_path / "p" / "masks").iterdir())) == 8


def test_phantom_on_a_full_disk_ends_in_one_line(small_disk):
    done = trus("phantom", small_disk / "p", "--patients", 8, "--frames", 1)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in small_disk.rglob("*") if path.is_file() and path.name.startswith(".")]


def annotations(*arguments: object):
    return invoke("annotations", *arguments)


def test_import_tells_what_it_found(dataset, tmp_path):
    (source := tmp_path / "data").mkdir()
    for name in ("images", "masks"):
        (source / name).symlink_to(dataset / name)
    options = ("-o", tmp_path / "out", "--patient-regex", "^(p.)_", "--classes", "background=0,gland=1,lesion=2")
    result = annotations("import", "masks", source, *options)
    assert result.exit_code == 0
    assert "12 frames, 11 with a mask, 1 of these empty; classes gland, lesion" in result.stdout
    assert f"manifest: {tmp_path / 'out' / 'manifest.csv'}: 12 frames (0 test), 11 annotated" in result.stdout
    assert "6 patients" in result.stdout
    assert "nothing changed" in annotations("import", "masks", source, *options).stdout


def test_import_without_patients_says_what_to_do(dataset, tmp_path):
    result = annotations("import", "masks", dataset / "masks", "--images", dataset / "images", "-o", tmp_path)
    assert "no patient ids: give --patient-regex" in result.stdout


def test_a_refused_frame_is_told_the_rest_written_and_the_exit_code_is_1(dataset_copy, tmp_path):
    (dataset_copy / "masks" / "p1_0.png").write_text("no image")
    result = annotations("import", "masks", dataset_copy, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "refused: p1_0.png: " in result.stderr
    assert "1 refused" in result.stderr
    assert "11 frames, 10 with a mask" in result.stdout


def test_an_import_that_replaces_masks_says_what_and_waits_for_update(dataset, tmp_path):
    arguments = ("import", "coco", tmp_path / "sent", "--manifest", dataset / "manifest.csv", "-o", tmp_path / "out")
    annotations("export", "coco", "--manifest", dataset / "manifest.csv", "-o", tmp_path / "sent", "--tolerance", 20)
    result = annotations(*arguments)
    assert result.exit_code == 1
    assert "would replace what is there; nothing was written" in result.stdout
    assert "p1_1: " in result.stdout
    assert "Dice gland 0." in result.stdout
    assert not (tmp_path / "out").exists()
    result = annotations(*arguments, "--update")
    assert result.exit_code == 0
    assert "classes gland, lesion" in result.stdout
    Manifest.load(tmp_path / "out" / "manifest.csv").verify()


def test_classes_and_renames_are_read(dataset, tmp_path):
    result = annotations(
        "import", "masks", dataset, "-o", tmp_path / "out", "--classes", dataset / "classes.json",
        "--rename", "gland=lesion", "--rename", "lesion=gland",
    )  # fmt: skip
    assert result.exit_code == 0, result.exception
    for text in ("gland", "gland=", "gland=a,gland=b"):
        result = annotations("import", "masks", dataset, "-o", tmp_path / "x", "--rename", text)
        assert isinstance(result.exception, ConfigError)
        assert "write OLD=NEW" in str(result.exception)


def test_options_for_new_frames_do_not_go_with_a_manifest(dataset, tmp_path):
    result = annotations(
        "import", "masks", dataset, "-o", tmp_path, "--manifest", dataset / "manifest.csv", "--split", "test", "--copy"
    )
    assert "--split, --copy: not together with --manifest" in str(result.exception)


def test_a_users_mistake_is_one_error_without_a_traceback(dataset, tmp_path):
    done = trus("annotations", "import", "masks", tmp_path / "absent", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path / 'absent'}: no such file or folder\n"
    assert not (tmp_path / "out").exists()


def test_formats_are_listed_and_an_unknown_one_refused(dataset, tmp_path):
    listed = annotations("formats").stdout
    assert re.search(r"^masks +yes +yes +label masks", listed, re.M)
    assert re.search(r"^busi +yes +- +BUSI", listed, re.M)
    result = annotations("import", "koko", dataset, "-o", tmp_path)
    assert isinstance(result.exception, AnnotationError)
    assert "format 'koko': choose from masks" in str(result.exception)


def test_formats_are_listed_without_their_libraries():
    code = "import sys; from trus.cli import app; app(['annotations', 'formats'], standalone_mode=False)\n"
    heavy = "{'pandas', 'SimpleITK', 'cv2', 'pydicom', 'onnxruntime', 'scipy'}"
    done = subprocess.run([sys.executable, "-c", f"{code}sys.exit(str({heavy} & {{*sys.modules}}))"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stderr.strip() == "set()"


def test_export_with_a_model_draws_what_nobody_has(tiny_model, dataset, tmp_path):
    result = annotations(
        "export", "labelme", "--manifest", dataset / "manifest.csv", "-o", tmp_path / "o", "--model", tiny_model.onnx
    )
    assert result.exit_code == 0, result.exception
    assert "12 frames, 11 with their mask, 1 with the model's proposal, 0 bare" in result.stdout


def test_a_model_of_other_classes_draws_nothing(tiny_model, dataset_copy, tmp_path):
    (dataset_copy / "classes.json").write_text('{"labels": {"1": "gland", "2": "cyst"}}')
    result = annotations(
        "export", "coco", "--manifest", dataset_copy / "manifest.csv", "-o", tmp_path / "o", "--model", tiny_model.onnx
    )
    assert "labels 2 'lesion' are not those of the manifest" in str(result.exception)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("option", [("--tolerance", -1), ("--tolerance", "nan"), ("--threshold", 2)])
def test_export_options_out_of_range_are_refused(dataset, tmp_path, option):
    result = annotations("export", "coco", "--manifest", dataset / "manifest.csv", "-o", tmp_path / "o", *option)
    assert isinstance(result.exception, ConfigError)


def test_class_names_are_parsed():
    assert parse_classes("background=0, nerve=1,vessel = 2").labels == {0: "background", 1: "nerve", 2: "vessel"}


@pytest.mark.parametrize("text", ["nerve", "nerve=", "=1", "nerve=one", "nerve=1,vessel=1", "nerve=1,,"])
def test_class_names_that_cannot_be_read_are_named(text):
    with pytest.raises(ConfigError, match=r"--classes .*: cannot read .*; write e\.g\. background=0,nerve=1"):
        parse_classes(text)


def test_a_class_named_twice_is_refused():
    with pytest.raises(ManifestError, match="--classes: two labels share a name"):
        parse_classes("nerve=1,nerve=2")


def test_spacing_is_row_and_column():
    assert parse_spacing("0.1, 0.2") == (0.1, 0.2)


@pytest.mark.parametrize("text", ["0.1", "a,b", "0,1", "-1,1", "1,200", "1,2,3", "nan,1"])
def test_a_spacing_that_cannot_be_is_refused(text):
    with pytest.raises(ConfigError, match="--spacing"):
        parse_spacing(text)
