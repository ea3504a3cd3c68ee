import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trus.data.intake.raw_files import PatientRule
from trus.data.intake.settings import MOST_FRAMES, Settings, parse_frames, parse_region, progressions
from trus.data.intake.side_files import DeviceRegion, read_accepted, read_device_regions, read_spacings
from trus.errors import IntakeError

HEAD = "device,width,height,x0,y0,x1,y1,spacing_row_mm,spacing_col_mm\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_device_regions(tmp_path):
    path = write(tmp_path / "r.csv", f"{HEAD}Made Up 7,640,480,10,20,600,400,0.2,0.2\n*,320,240,0,0,320,240,,\n")
    assert read_device_regions(path) == (
        DeviceRegion("Made Up 7", 640, 480, (10, 20, 600, 400), (0.2, 0.2)),
        DeviceRegion("*", 320, 240, (0, 0, 320, 240)),
    )


def test_all_wrong_rows_are_named_at_once_without_their_cells(tmp_path):
    rows = [
        "Ivanov,640,480,10,20,700,400,,",
        "A,640,480,10,20,600,400,0.2,",
        "A,x,480,1,2,3,4,,",
        "A,64,48,1,2,3,4,nan,1",
    ]
    with pytest.raises(IntakeError) as error:
        read_device_regions(write(tmp_path / "r.csv", HEAD + "\n".join(rows)))
    assert "row 2, row 3, row 4, row 5" in str(error.value)
    assert "Ivanov" not in str(error.value)


def test_spacings_by_two_columns_or_one(tmp_path):
    two = read_spacings(write(tmp_path / "a.csv", "file,spacing_row_mm,spacing_col_mm\nКадр 1.png,0.1,0.2\n"))
    assert two.find("nothing", "Кадр 1.png") == (0.1, 0.2)
    one = read_spacings(
        write(tmp_path / "b.csv", "filename,pixel size(mm),head circumference (mm)\n004_HC.png,0.06,59\n")
    )
    assert one.find("004_HC.png") == (0.06, 0.06)
    assert one.find("005_HC.png") is None


@pytest.mark.parametrize(
    "text",
    [
        *(f"f,pixel_size\nIvanov,{value}\n" for value in ("0", "nan", "x", "100", "-1", "")),
        *("f,pixel_size\nIvanov,0.1\nIvanov,0.2\n", "f,width\nIvanov,3\n", 'f,pixel_size\n"Ivanov'),
        *("", "Ivanov,pixel_size\n", "f,f\nIvanov,1\n"),
    ],
)
def test_wrong_spacing_lists_are_refused_without_their_cells(tmp_path, text):
    path = write(tmp_path / "Ivanov.csv", text)
    with pytest.raises(IntakeError) as error:
        read_spacings(path)
    assert "Ivanov" not in str(error.value)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_no_content_of_a_side_file_ends_in_anything_but_a_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    for head in (b"", HEAD.encode(), b"file,pixel_size\n", b"id,reason\n"):
        path.write_bytes(head + content)
        for reader in (read_device_regions, read_spacings, read_accepted):
            try:
                reader(path)
            except IntakeError:
                continue


def test_accepted_ids_from_a_list_and_from_an_edited_quarantine_csv(tmp_path):
    assert read_accepted(write(tmp_path / "a.txt", "one\n\n two # seen by K.\none\n")) == ["one", "two"]
    assert read_accepted(write(tmp_path / "q.csv", "id,reason\none,text\ntwo,\n")) == ["one", "two"]
    assert read_accepted(write(tmp_path / "s.csv", "id;reason\none;text\n")) == ["one"]


@pytest.mark.parametrize(("text", "numbers"), [("0:10:5", [0, 5]), ("10,20", [10, 20]), ("::40", [0, 40, 80]),
                                               ("98:,3", [3, 98, 99]), ("5:3", []), ("5,5,4:6", [4, 5])])  # fmt: skip
def test_frames_to_take(text, numbers):
    assert Settings(PatientRule(), ranges=parse_frames(text)).numbers(100) == numbers
    assert Settings(PatientRule(), ranges=parse_frames(text)).numbers(1) == [0]


def test_every_and_frames_exclude_each_other():
    with pytest.raises(IntakeError, match="give one of them"):
        Settings(PatientRule(), every=2, ranges=parse_frames("1:5"))


def test_every_nth_frame():
    assert Settings(PatientRule(), every=30).numbers(100) == [0, 30, 60, 90]


@pytest.mark.parametrize("text", ["", "a", "1:2:0", "-1", "1:2:3:4", "1;2", "²", ":"])
def test_frames_that_cannot_be_read(text):
    if text == ":":
        assert parse_frames(text) == (range(MOST_FRAMES),)
        return
    with pytest.raises(IntakeError, match="--frames"):
        parse_frames(text)


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(0, 300)))
def test_progressions_are_the_same_numbers_in_order(numbers):
    runs = [*progressions(sorted(numbers))]
    assert [n for run in runs for n in run] == sorted(numbers)


def test_region_option():
    assert parse_region("1,2,30,40") == (1, 2, 30, 40)
    assert parse_region("whole") == "whole"
    for text in ("1,2,3", "5,5,5,9", "-1,0,3,4", "a,b,c,d", "Whole"):
        with pytest.raises(IntakeError, match="--region"):
            parse_region(text)
