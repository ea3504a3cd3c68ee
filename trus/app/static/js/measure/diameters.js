/** Widest diameters of a mask: its largest Feret diameter and the widest one at a right angle to it. */

/** @typedef {{x: number, y: number}} Point in frame pixels; the pixel (column, row) covers [column, column + 1) */
/** @typedef {{length: number, from: Point, to: Point}} Diameter length in the unit of the spacing asked for */

/**
 * Both diameters, lengths in the unit of `spacing`; null for an empty mask.
 *
 * The widest is the largest distance between mid-points of the mask's pixel edges (with square pixels scikit-image's
 * `feret_diameter_max`); the other is the longest chord of their convex hull at a right angle to it.
 *
 * @param {Uint8Array} plane 0 or 1, row by row
 * @param {{width: number, height: number}} size of the plane in pixels
 * @param {[number, number]} spacing (row, column): mm, or [1, 1] for pixels
 * @returns {{widest: Diameter, across: Diameter}|null}
 */
export function diameters(plane, size, spacing) {
  const [row, column] = spacing;
  const hull = convexHull(edgePoints(plane, size).map(({ x, y }) => ({ x: x * column, y: y * row })));
  if (hull.length < 2) return null;
  const widest = farthest(hull);
  const across = longestChord(hull, { x: widest.from.y - widest.to.y, y: widest.to.x - widest.from.x });
  const back = ({ x, y }) => ({ x: x / column, y: y / row });
  const inPixels = ({ length, from, to }) => ({ length, from: back(from), to: back(to) });
  return { widest: inPixels(widest), across: inPixels(across) };
}

/** Mid-points of the outermost pixel edges of every row and every column: their hull is that of all edges. */
function edgePoints(plane, { width, height }) {
  const points = [];
  const top = new Int32Array(width).fill(-1);
  const bottom = new Int32Array(width);
  for (let y = 0, at = 0; y < height; y++) {
    let first = -1;
    let last = -1;
    for (let x = 0; x < width; x++, at++) {
      if (!plane[at]) continue;
      if (first < 0) first = x;
      last = x;
      if (top[x] < 0) top[x] = y;
      bottom[x] = y + 1;
    }
    if (first >= 0) points.push({ x: first, y: y + 0.5 }, { x: last + 1, y: y + 0.5 });
  }
  top.forEach((y, x) => {
    if (y >= 0) points.push({ x: x + 0.5, y }, { x: x + 0.5, y: bottom[x] });
  });
  return points;
}

/** Convex hull, counter-clockwise, without points on its edges (Andrew's monotone chain). */
function convexHull(points) {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const half = (ordered) => {
    const chain = [];
    for (const point of ordered) {
      while (chain.length > 1 && turn(chain.at(-2), chain.at(-1), point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

function turn(a, b, c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

function farthest(hull) {
  let best = { length: -1 };
  for (let i = 0; i < hull.length; i++) {
    for (let j = i + 1; j < hull.length; j++) {
      const length = Math.hypot(hull[i].x - hull[j].x, hull[i].y - hull[j].y);
      if (length > best.length) best = { length, from: hull[i], to: hull[j] };
    }
  }
  return best;
}

/** The longest chord along `direction`: it begins or ends at a corner of the hull. */
function longestChord(hull, direction) {
  let best = { length: 0, from: hull[0], to: hull[0] };
  for (const corner of hull) {
    for (const end of crossings(hull, corner, direction)) {
      const length = Math.hypot(end.x - corner.x, end.y - corner.y);
      if (length > best.length) best = { length, from: corner, to: end };
    }
  }
  return best;
}

/** Where the line through `corner` along `direction` meets the hull's edges. */
function crossings(hull, corner, direction) {
  const side = ({ x, y }) => direction.x * (y - corner.y) - direction.y * (x - corner.x);
  const found = [];
  hull.forEach((a, i) => {
    const b = hull[(i + 1) % hull.length];
    const [before, after] = [side(a), side(b)];
    if (before === after || before * after > 0) return;
    const share = before / (before - after);
    found.push({ x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y) });
  });
  return found;
}
