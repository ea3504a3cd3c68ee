/** Which point of which measurement the pointer is at. */

const REACH = 9;
const REACH_OF_A_FINGER = 20;

/**
 * The nearest handle within reach on the screen.
 *
 * @param {object[]} measurements
 * @param {{x: number, y: number}} point in frame pixels
 * @param {object} view
 * @param {boolean} finger whether a finger points, which covers more
 * @returns {{id: string, index: number}|null}
 */
export function handleAt(measurements, point, view, finger) {
  const here = view.toScreen(point);
  let best = null;
  let nearest = finger ? REACH_OF_A_FINGER : REACH;
  for (const { id, points } of measurements) {
    points.forEach((each, index) => {
      const there = view.toScreen(each);
      const away = Math.hypot(there.x - here.x, there.y - here.y);
      if (away <= nearest) {
        nearest = away;
        best = { id, index };
      }
    });
  }
  return best;
}

/** The point held within the frame. @param {{x: number, y: number}} point @param {[number, number]} size H, W */
export function within(point, [height, width]) {
  return { x: Math.min(Math.max(point.x, 0), width), y: Math.min(Math.max(point.y, 0), height) };
}
