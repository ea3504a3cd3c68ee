"""Axes and marks of the charts."""

import pytest

from trus.evaluation.report.plot import HEIGHT, WIDTH, Axis, Plot, round_up


def test_ticks_are_round_numbers_inside_the_axis():
    assert [text for _, text in Axis("IoU", 0, 1).ticks()] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [text for _, text in Axis("", -100, 100).ticks()] == ["−100", "−50", "0", "50", "100"]
    assert [text for _, text in Axis("", 0, 2.5).ticks()] == ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]
    assert [text for _, text in Axis("", 0, 2000).ticks()][-1] == "2\u202f000"


def test_counts_have_whole_ticks():
    assert [text for _, text in Axis("frames", 0, 2, whole=True).ticks()] == ["0", "1", "2"]


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.31, 0.4), (1, 1), (3, 3), (41, 50), (99, 100), (101, 150)])
def test_the_end_of_an_axis_is_round_and_not_below_the_data(value, top):
    assert round_up(value) == pytest.approx(top)


def test_points_stand_where_their_values_are_and_beyond_the_axis_at_its_end():
    plot = Plot("", Axis("", 0, 10), Axis("", 0, 1))
    plot.line([(0, 0), (5, 1), (20, 0.5)])
    assert plot.marks[0].path == f"M0.0 {HEIGHT:.1f}L{WIDTH / 2:.1f} 0.0L{WIDTH:.1f} {HEIGHT / 2:.1f}"


def test_steps_hold_each_value_until_the_next():
    plot = Plot("", Axis("", 0, 2), Axis("", 0, 1))
    plot.steps([(0, 0), (1, 1), (2, 1)])
    corners = plot.marks[0].path.removeprefix("M").split("L")
    assert corners[:3] == ["0.0 300.0", "260.0 300.0", "260.0 0.0"]


def test_a_line_of_one_point_and_a_band_of_none_draw_nothing():
    plot = Plot("", Axis("", 0, 1), Axis("", 0, 1))
    plot.line([(0, 0)])
    plot.band([], [])
    assert plot.marks == []
