import os

import pytest

from trus.data.intake.folders import Folders, choose_folders
from trus.data.intake.raw_files import RawFile, find_raw_files, patient_rule
from trus.errors import IntakeError


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "raw" / "out", tmp_path / "raw" / "out-private")


def put(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(found, root):
    return [file.path.relative_to(root).as_posix() for file in found.files]


def test_files_are_sorted_and_hidden_ones_and_our_own_are_left_out(tmp_path, folders):
    raw = tmp_path / "raw"
    put(raw / "b (2).png", raw / "Ёлка" / "a.dcm", raw / ".hidden", raw / ".git" / "x", raw / "a" / "._a.png")
    put(raw / "out" / "images" / "x.png", raw / "out-private" / "q.png")
    found = find_raw_files([raw], folders)
    assert names(found, raw) == ["b (2).png", "Ёлка/a.dcm"]
    assert found.hidden == 3


def test_links_that_go_round_are_refused_without_their_name(tmp_path, folders):
    raw = tmp_path / "raw"
    put(raw / "a.png")
    loop = raw / "Ivanov"
    loop.symlink_to(loop)
    assert names(find_raw_files([raw], folders), raw) == ["Ivanov", "a.png"]  # refused where it is read
    with pytest.raises(IntakeError, match="input 1: no such file or folder"):
        find_raw_files([loop], folders)
    with pytest.raises(IntakeError, match="input 1: lies inside OUT"):
        choose_folders(loop, None, [loop])


def test_links_that_lead_outside_are_not_followed_and_pipes_do_not_hang(tmp_path, folders):
    raw = tmp_path / "raw"
    put(raw / "a.png", tmp_path / "secret" / "s.png")
    (raw / "inside.png").symlink_to(raw / "a.png")
    (raw / "outside.png").symlink_to(tmp_path / "secret" / "s.png")
    (raw / "folder").symlink_to(tmp_path / "secret")
    (raw / "again").symlink_to(raw)
    os.mkfifo(raw / "pipe")
    found = find_raw_files([raw, raw / "pipe"], folders)
    assert names(found, raw) == ["a.png"]  # the link inside leads to the same file
    assert (found.outside, found.special) == (2, 2)


def test_the_same_file_given_twice_is_taken_once(tmp_path, folders):
    raw = tmp_path / "raw"
    put(raw / "a.png")
    assert len(find_raw_files([raw, raw / "a.png", raw / ".." / "raw"], folders).files) == 1


def test_missing_inputs_are_named_by_number_alone(tmp_path, folders):
    put(tmp_path / "raw" / "a.png")
    with pytest.raises(IntakeError) as error:
        find_raw_files([tmp_path / "raw", tmp_path / "Ivanov", tmp_path / "Petrov"], folders)
    assert str(error.value) == "input 2, 3: no such file or folder"


@pytest.mark.parametrize(("out", "private"), [("o", "o/p"), ("o", "o"), ("p/o", "p"), ("o", "o/../o/x")])
def test_folders_inside_each_other_are_refused(tmp_path, out, private):
    with pytest.raises(IntakeError, match="--private"):
        choose_folders(tmp_path / out, tmp_path / private, [])


def test_raw_files_inside_out_are_refused(tmp_path):
    with pytest.raises(IntakeError, match="input 1"):
        choose_folders(tmp_path / "o", None, [tmp_path / "o" / "images"])


def patient(rule, below, root, header_id=None):
    return rule.patient(RawFile(root / below, root), header_id)


def test_patient_rules(tmp_path):
    regex = patient_rule("regex", r"^([^/]+)/", False)
    assert patient(regex, "Иванов И/2024/a.dcm", tmp_path) == "Иванов И"
    assert patient(patient_rule("parent-folder", None, False), "x/Petrov (1)/a.png", tmp_path) == "Petrov (1)"
    assert patient(patient_rule("none", None, False), "a.png", tmp_path) == ""
    assert patient(patient_rule("dicom", None, False), "a.dcm", tmp_path, "77") == "77"
    assert patient(patient_rule("parent-folder", None, True), "a.png", tmp_path) == tmp_path.name


@pytest.mark.parametrize(
    ("kind", "pattern", "below"),
    [("dicom", None, "a.png"), ("parent-folder", None, "Ivanov.png"), ("regex", r"P(\d+)", "I.png")],
)
def test_a_file_without_patient_is_refused_with_the_way_out_and_without_its_name(tmp_path, kind, pattern, below):
    with pytest.raises(IntakeError) as error:
        patient(patient_rule(kind, pattern, False), below, tmp_path)
    assert below.split(".")[0] not in str(error.value).split()
    assert ";" in str(error.value)


def test_dates_as_innermost_folders_do_not_make_two_patients_one(tmp_path, folders):
    raw = tmp_path / "raw"
    put(raw / "Ivanov" / "2024" / "a.png", raw / "Petrov" / "2024" / "b.png")
    rule = patient_rule("parent-folder", None, False)
    with pytest.raises(IntakeError, match="1 names of folders stand at several places") as error:
        rule.check(find_raw_files([raw], folders).files)
    assert "2024" not in str(error.value)
    rule.check(find_raw_files([raw / "Ivanov", raw / "Petrov"], folders).files)
    patient_rule("regex", "^([^/]+)/", False).check(find_raw_files([raw], folders).files)


@pytest.mark.parametrize(
    ("kind", "pattern"), [("regex", None), ("dicom", "(a)"), ("regex", "("), ("regex", "a+"), ("x", None)]
)
def test_wrong_patient_options(kind, pattern):
    with pytest.raises(IntakeError):
        patient_rule(kind, pattern, False)
