"""Every tool of correction, with a real pointer, on a frame of 96 by 80 pixels with a gland."""

import numpy as np
import pytest

from . import editing, steps
from .editing import gland, lesion, radius, shown

__all__ = ["shown"]


def test_the_brush_paints_along_the_whole_stroke(shown):
    before = gland(shown)
    editing.choose(shown, "brush")
    radius(shown, 3)
    editing.drag(shown, (10, 10), (90, 14), moves=3)  # three events for 80 px: no gaps between them
    added = gland(shown) & ~before
    assert added[:, 10:90].any(axis=0).all()
    assert 5 <= added.sum(axis=0)[12:88].min() <= added.sum(axis=0).max() <= 8
    assert not lesion(shown).any()


def test_eraser_and_right_button_are_the_brushs_opposite(shown):
    editing.choose(shown, "eraser")
    radius(shown, 3)
    editing.drag(shown, (35, 40), (65, 40))
    assert not gland(shown)[40, 34:66].any()
    editing.drag(shown, (35, 40), (65, 40), button="right")
    assert gland(shown)[40, 34:66].all()
    editing.choose(shown, "brush")
    editing.drag(shown, (35, 30), (65, 30), button="right")
    assert not gland(shown)[30, 34:66].any()


def test_a_lesion_is_painted_with_gland_around_it_and_erased_with_the_gland(shown):
    editing.choose_class(shown, "lesion")
    editing.choose(shown, "brush")
    radius(shown, 4)
    editing.drag(shown, (60, 40), (85, 40))
    assert lesion(shown)[40, 60:85].all()
    assert gland(shown)[lesion(shown)].all()
    editing.choose_class(shown, "gland")
    editing.choose(shown, "eraser")
    editing.drag(shown, (85, 40), (72, 40))
    assert not lesion(shown)[40, 74:85].any()
    assert lesion(shown)[40, 60:66].all()


def test_keys_and_the_wheel_change_the_brush(shown):
    editing.choose(shown, "brush")
    radius(shown, 12)
    shown.keyboard.press("]")
    larger = shown.evaluate("trusApp.store.get().brushRadius")
    shown.keyboard.press("[")
    shown.keyboard.press("[")
    assert shown.evaluate("trusApp.store.get().brushRadius") < 12 < larger
    shown.mouse.move(*editing.on_screen(shown, 48, 40))
    shown.keyboard.down("Shift")
    scale = shown.evaluate("trusApp.view.scale")
    shown.mouse.wheel(0, -300)
    steps.until(shown, "trusApp.store.get().brushRadius > 11.5")
    shown.keyboard.up("Shift")
    assert shown.evaluate("trusApp.view.scale") == scale


def test_a_pen_presses_wider(shown):
    """Events of a pen, as a tablet sends them."""
    editing.choose(shown, "brush")
    radius(shown, 8)
    before = gland(shown)
    for y, pressure in ((8, 0.05), (70, 1)):
        x0, y0 = editing.on_screen(shown, 10, y)
        x1, _ = editing.on_screen(shown, 90, y)
        shown.evaluate(
            """([x0, x1, y, pressure]) => {
                const fire = (kind, x, buttons) => trusApp.view.host.dispatchEvent(new PointerEvent(kind, {
                    pointerId: 7, pointerType: 'pen', clientX: x, clientY: y, button: kind === 'pointermove' ? -1 : 0,
                    buttons, pressure: buttons ? pressure : 0, bubbles: true, isPrimary: true }));
                trusApp.view.host.setPointerCapture = () => undefined;
                fire('pointerdown', x0, 1); fire('pointermove', x1, 1); fire('pointerup', x1, 0);
            }""",
            [x0, x1, y0, pressure],
        )
    added = gland(shown) & ~before
    light, full = added[:20, 50].sum(), added[56:, 50].sum()
    assert 5 <= light <= 8
    assert full == pytest.approx(16, abs=1)


def test_a_polygon_is_closed_by_enter_and_cut_out_with_shift(shown):
    before = gland(shown)
    editing.choose(shown, "polygon")
    for corner in ((5, 5), (25, 5), (25, 20), (5, 20)):
        editing.click(shown, *corner)
    assert (gland(shown) == before).all()
    shown.keyboard.press("Enter")
    added = gland(shown) & ~before
    assert added.sum() == 300
    assert added[5:20, 5:25].all()
    for corner in ((10, 10), (20, 10), (20, 15), (10, 15)):
        editing.click(shown, *corner)
    shown.keyboard.press("Shift+Enter")
    assert (gland(shown) & ~before).sum() == 250


def test_a_polygons_corner_is_dragged_and_a_double_click_closes(shown):
    before = gland(shown)
    editing.choose(shown, "polygon")
    for corner in ((5, 5), (15, 5), (15, 20)):
        editing.click(shown, *corner)
    editing.drag(shown, (15, 5), (25, 5))
    editing.click(shown, 25, 20)
    shown.mouse.dblclick(*editing.on_screen(shown, 5, 20))
    added = gland(shown) & ~before
    assert added.sum() == pytest.approx(15 * 20 - 50, abs=60)  # the dragged corner makes it wider
    assert added[6, 22]


def test_escape_and_backspace_take_corners_back(shown):
    before = gland(shown)
    editing.choose(shown, "polygon")
    for corner in ((5, 5), (25, 5), (25, 20), (60, 70)):
        editing.click(shown, *corner)
    shown.keyboard.press("Backspace")
    shown.keyboard.press("Enter")
    assert not (gland(shown) & ~before)[25:].any()
    changed = gland(shown)
    for corner in ((5, 60), (25, 60), (25, 75)):
        editing.click(shown, *corner)
    shown.keyboard.press("Escape")
    shown.keyboard.press("Enter")
    assert (gland(shown) == changed).all()


def test_the_outline_is_pushed_by_dragging(shown):
    before = gland(shown)
    editing.choose(shown, "nudge")
    radius(shown, 15)
    editing.drag(shown, (70, 40), (76, 40), moves=12)
    moved = gland(shown)
    assert np.flatnonzero(moved[40]).max() == pytest.approx(75, abs=1.5)
    assert (moved[:, :50] == before[:, :50]).all()
    editing.drag(shown, (76, 40), (60, 40), moves=12)
    assert np.flatnonzero(gland(shown)[40]).max() < 66


def test_a_push_that_ends_where_it_began_leaves_inner_classes_alone(shown):
    editing.paint_all(shown, 1, True, 60, 35, 69, 45)
    before = lesion(shown)
    editing.choose(shown, "nudge")
    radius(shown, 15)
    editing.drag(shown, (70, 40), (58, 40), (70, 40), moves=12)
    assert (lesion(shown) ^ before).sum() <= 8


def test_fragments_are_removed_or_kept_by_a_click(shown):
    editing.paint_all(shown, 0, True, 5, 5, 12, 12)
    editing.paint_all(shown, 0, True, 80, 60, 90, 70)
    editing.choose(shown, "fragment")
    editing.click(shown, 8, 8)
    assert not gland(shown)[:20, :20].any()
    assert gland(shown)[65, 85]
    shown.keyboard.down("Shift")
    editing.click(shown, 50, 40)
    shown.keyboard.up("Shift")
    assert gland(shown).sum() == 1200


def test_two_fingers_take_back_the_stroke_that_one_began(shown):
    before = gland(shown)
    editing.choose(shown, "brush")
    place = [editing.on_screen(shown, x, 10) for x in (10, 30, 60)]
    shown.evaluate(
        """(place) => {
            trusApp.view.host.setPointerCapture = () => undefined;
            const fire = (kind, id, [x, y]) => trusApp.view.host.dispatchEvent(new PointerEvent(kind, {
                pointerId: id, pointerType: 'touch', clientX: x, clientY: y, button: 0, buttons: 1, bubbles: true }));
            fire('pointerdown', 1, place[0]); fire('pointermove', 1, place[1]); fire('pointerdown', 2, place[2]);
            fire('pointerup', 1, place[1]); fire('pointerup', 2, place[2]);
        }""",
        place,
    )
    assert (gland(shown) == before).all()
    assert not shown.evaluate("trusApp.history.canUndo || trusApp.history.held")
