import pytest

from trus.data.intake.folders import Folders, clear_remains, locked, prepare
from trus.errors import IntakeError


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "Папка out", tmp_path / "Папка out-private")


@pytest.mark.parametrize("name", ["out", "private"])
def test_a_folder_with_other_files_is_not_begun_with(folders, name):
    folder = getattr(folders, name)
    folder.mkdir()
    (folder / "Ivanov.txt").touch()
    with pytest.raises(IntakeError, match="holds other files") as error:
        prepare(folders)
    assert "Ivanov" not in str(error.value)
    assert [path.name for path in folder.iterdir()] == ["Ivanov.txt"]


def test_a_key_may_lie_there_already_and_a_second_run_is_welcome(folders):
    folders.private.mkdir()
    (folders.private / "pseudonyms.key").touch()
    prepare(folders)
    (folders.out / "masks").mkdir()
    prepare(folders)


def test_only_one_intake_at_a_time(folders):
    prepare(folders)
    with locked(folders), pytest.raises(IntakeError, match="another trus intake"), locked(folders):
        pass
    with locked(folders):
        pass


def test_remains_of_a_killed_run_are_cleared(folders):
    prepare(folders)
    remains = [
        folders.out / "images" / "P-1" / ".P-1_x.png",
        folders.quarantine / ".half.png",
        folders.scratch / "t" / "u",
    ]
    for path in remains:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    kept = folders.quarantine / "whole.png"
    kept.touch()
    clear_remains(folders)
    assert not any(path.exists() for path in remains)
    assert kept.exists()
