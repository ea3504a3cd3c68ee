/** Radii of the brush and of nudging, in frame pixels: kept in the store, moved in even-looking steps. */

const FACTOR = 1.15;
export const LEAST = 1;
export const MOST = 200;

/** @param {object} app @param {'brushRadius'|'nudgeRadius'} key @param {number} steps above 0: larger */
export function resize(app, key, steps) {
  const radius = app.store.get()[key];
  const scaled = radius * FACTOR ** steps;
  const moved = steps > 0 ? Math.max(scaled, radius + 0.5) : Math.min(scaled, radius - 0.5);
  setRadius(app, key, moved);
}

/** @param {object} app @param {'brushRadius'|'nudgeRadius'} key @param {number} radius px, held within 1 to 200 */
export function setRadius(app, key, radius) {
  app.store.set({ [key]: Math.min(Math.max(Math.round(radius * 2) / 2, LEAST), MOST) });
  app.view.invalidate();
}

/** Shift and the wheel change a radius; the wheel alone zooms. @returns {boolean} whether it did */
export function wheelResizes(app, key, event) {
  if (!event.shiftKey) return false;
  const delta = event.deltaY || event.deltaX;
  if (delta) resize(app, key, delta < 0 ? 1 : -1);
  return true;
}
