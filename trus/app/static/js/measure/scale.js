/** mm a pixel: of a frame, of a place in it, of a mask; and who says so. */

/** @typedef {[number, number]} Spacing mm between rows and between columns */
/**
 * @typedef {object} Scale
 * @property {Spacing|null} spacing null: lengths are in pixels
 * @property {'file'|'stated'|null} source the file, or the user who stated it by hand
 * @property {string|null} note key of a text that says why there is none
 * @property {string} detail what the file itself says of it, as the service put it
 */

export const IN_PIXELS = /** @type {Spacing} */ ([1, 1]);

/**
 * The scale at a box of a frame, where one pair holds for all of it.
 *
 * The file's own spacing goes first; what the user stated stands only where the file is silent. A file may name regions
 * (two pictures side by side, a Doppler trace) with a spacing each: a place that lies in none of them, or in two, has
 * no certain one.
 *
 * @param {object} item an opened frame
 * @param {import('../mask/box.js').Box} box in frame pixels
 * @returns {Scale}
 */
export function scaleAt(item, box) {
  if (item.spacing) return { spacing: item.spacing, source: 'file', note: null, detail: '' };
  const regions = item.regions ?? [];
  const around = regions.filter((region) => holds(region.box, box));
  const certain = around.length === 1 ? around[0] : null;
  if (certain?.spacing) return { spacing: certain.spacing, source: 'file', note: null, detail: '' };
  const known = regions.some((region) => region.spacing);
  if (item.statedSpacing && !known) return { spacing: item.statedSpacing, source: 'stated', note: null, detail: '' };
  const detail = certain?.spacing_note || item.spacingNote || '';
  return { spacing: null, source: null, note: known ? 'measure.note.outside' : 'measure.note.unknown', detail };
}

/** The scale of the whole frame, of its only region with one where the file names one, or none. */
export function frameScale(item) {
  const [height, width] = item.size;
  const whole = scaleAt(item, { x0: 0, y0: 0, x1: width, y1: height });
  if (whole.spacing) return whole;
  const spacings = (item.regions ?? []).map((region) => region.spacing).filter(Boolean);
  const same = spacings.every((spacing) => spacing.join() === spacings[0].join());
  return spacings.length && same ? { spacing: spacings[0], source: 'file', note: null, detail: '' } : whole;
}

/** Whether the file leaves room for a spacing stated by hand. */
export function mayState(item) {
  return !item.spacing && !(item.regions ?? []).some((region) => region.spacing);
}

/**
 * Area in mm2 of a mask, by region where regions have a spacing each; null where a pixel lies where none is certain.
 *
 * @param {object} item an opened frame
 * @param {Uint8Array} plane 0 or 1, row by row
 * @param {number} pixels how many of them are 1
 */
export function areaInRegions(item, plane, pixels) {
  const width = item.size[1];
  let area = 0;
  let left = pixels;
  for (const { box, spacing } of item.regions ?? []) {
    if (!spacing) continue;
    const inside = countIn(plane, width, box, item.size);
    area += inside * spacing[0] * spacing[1];
    left -= inside;
  }
  return left === 0 && pixels > 0 ? area : null;
}

function countIn(plane, width, [x0, y0, x1, y1], [height]) {
  let count = 0;
  for (let y = Math.max(0, y0); y < Math.min(height, y1); y++) {
    for (let x = Math.max(0, x0); x < Math.min(width, x1); x++) count += plane[y * width + x];
  }
  return count;
}

function holds([x0, y0, x1, y1], inner) {
  return x0 <= inner.x0 && y0 <= inner.y0 && x1 >= inner.x1 && y1 >= inner.y1;
}
