/** Smoothing of an outline: the plane blurred by a Gaussian and cut at one half. */
import { area, bounds, clip, cut, grown } from './box.js';

const REACH = 3; // standard deviations

/**
 * @param {Uint8Array} plane 0 or 1 @param {number} radius standard deviation in px, above 0
 * @param {import('./box.js').Box} [within] the part to smooth; without it all of the plane
 * @returns {import('./box.js').Patch | null} the smoothed plane in its box; null for an empty plane
 */
export function smoothed(plane, width, height, radius, within) {
  const reach = Math.ceil(REACH * radius);
  const set = within ?? bounds(plane, width, height);
  if (!set) return null;
  const box = clip(within ? set : grown(set, reach), width, height);
  const source = clip(grown(box, reach), width, height);
  const columns = source.x1 - source.x0;
  const rows = source.y1 - source.y0;
  const kernel = gaussian(radius, reach);
  const across = blurred(Float32Array.from(cut(plane, width, source)), columns, rows, 1, columns, kernel);
  const both = blurred(across, rows, columns, columns, 1, kernel);
  return { box, data: half(both, columns, source, box) };
}

function half(values, columns, source, box) {
  const data = new Uint8Array(area(box));
  let at = 0;
  for (let y = box.y0 - source.y0; y < box.y1 - source.y0; y += 1) {
    for (let x = box.x0 - source.x0; x < box.x1 - source.x0; x += 1, at += 1) {
      data[at] = values[y * columns + x] >= 0.5 ? 1 : 0;
    }
  }
  return data;
}

/** Weights from the middle outwards, of sum 1 over both sides. */
function gaussian(sigma, reach) {
  const weights = Float32Array.from({ length: reach + 1 }, (_, i) => Math.exp((-i * i) / (2 * sigma * sigma)));
  const sum = weights.reduce((total, weight) => total + 2 * weight, -weights[0]);
  return weights.map((weight) => weight / sum);
}

/** Lines of `count` values `step` apart, `lines` of them `stride` apart; at the ends the last value goes on. */
function blurred(values, count, lines, step, stride, kernel) {
  const out = new Float32Array(values.length);
  const end = count - 1;
  for (let line = 0; line < lines; line += 1) {
    const start = line * stride;
    for (let i = 0; i < count; i += 1) {
      let sum = kernel[0] * values[start + i * step];
      for (let j = 1; j < kernel.length; j += 1) {
        const before = i > j ? i - j : 0;
        const after = i + j < end ? i + j : end;
        sum += kernel[j] * (values[start + before * step] + values[start + after * step]);
      }
      out[start + i * step] = sum;
    }
  }
  return out;
}
