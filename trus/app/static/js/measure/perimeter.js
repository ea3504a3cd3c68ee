/** Perimeter of a mask by Crofton's formula: the outline's length from how often lines of four directions meet it. */

/** Steps of the four directions, (dx, dy) in pixels. */
const DIRECTIONS = [[1, 0], [1, 1], [0, 1], [1, -1]];

/**
 * Perimeter of the mask, inner holes included, after Legland, Kieu and Devaux, "Computation of Minkowski measures on 2D
 * and 3D binary images", Image Analysis & Stereology 26 (2007). With square pixels it is scikit-image's
 * `perimeter_crofton(directions=4)`; a disc is met within 1 %, where counting pixel edges would say 27 % too much.
 *
 * @param {Uint8Array} plane 0 or 1, row by row
 * @param {{width: number, height: number}} size of the plane in pixels
 * @param {[number, number]} spacing of rows and of columns, (row, column): mm, or [1, 1] for pixels
 * @returns {number} in the unit of `spacing`
 */
export function perimeter(plane, size, spacing) {
  const [row, column] = spacing;
  const shares = directionShares(spacing);
  let total = 0;
  DIRECTIONS.forEach(([dx, dy], k) => {
    const step = Math.hypot(dx * column, dy * row);
    total += shares[k] * chords(plane, size, dx, dy) * ((row * column) / step);
  });
  return Math.PI * total;
}

/** Share of the half circle that lies nearest to each direction; it is a quarter each where pixels are square. */
function directionShares([row, column]) {
  const angles = DIRECTIONS.map(([dx, dy]) => (Math.atan2(dy * row, dx * column) + Math.PI) % Math.PI);
  const order = angles.map((_, k) => k).sort((a, b) => angles[a] - angles[b]);
  const shares = new Array(angles.length);
  order.forEach((k, place) => {
    const before = angles[order.at(place - 1)] - (place === 0 ? Math.PI : 0);
    const after = angles[order[(place + 1) % order.length]] + (place === order.length - 1 ? Math.PI : 0);
    shares[k] = (after - before) / 2 / Math.PI;
  });
  return shares;
}

/** How many stretches of the mask there are along all lines of one direction: its pixels whose predecessor is none. */
function chords(plane, { width, height }, dx, dy) {
  let found = 0;
  for (let y = 0, at = 0; y < height; y++) {
    const outside = y < dy || y - dy >= height;
    for (let x = 0; x < width; x++, at++) {
      if (plane[at] && (outside || x < dx || !plane[at - dy * width - dx])) found++;
    }
  }
  return found;
}
