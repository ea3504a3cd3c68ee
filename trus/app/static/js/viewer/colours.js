/** Colours of classes (Okabe and Ito: told apart in every common kind of colour blindness) and of probabilities. */

export const PALETTE = ['#56b4e9', '#e69f00', '#009e73', '#f0e442', '#cc79a7', '#d55e00', '#0072b2', '#ffffff'];

/** @param {string} hex #rrggbb @returns {[number, number, number]} */
const toRgb = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

/** Red, green, blue and alpha (0..255) as a pixel of an ImageData seen as 32-bit words (little-endian). */
export const toWord = ([red, green, blue], alpha) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;

/** The class's colour: what the user chose, else by its place. */
export class Colours {
  #store;

  constructor(store) {
    this.#store = store;
  }

  /** @param {string} name @param {number} k place among the model's classes @returns {string} #rrggbb */
  of(name, k) {
    return this.#store.get().colours[name] ?? PALETTE[k % PALETTE.length];
  }

  rgb(hex) {
    return toRgb(hex);
  }

  /** @param {string} name @param {string|null} hex null: the one it had */
  set(name, hex) {
    const { [name]: _, ...others } = this.#store.get().colours;
    this.#store.set({ colours: hex ? { ...others, [name]: hex } : others });
  }
}

/**
 * Viridis (van der Walt and Smith 2015) as polynomials of degree 6 fitted to its table; perceptually uniform, and told
 * apart without colour.
 */
const VIRIDIS = [
  [0.2777273, 0.0054073, 0.3340998],
  [0.1050930, 1.4046135, 1.3845901],
  [-0.3308618, 0.2148476, 0.0950952],
  [-4.6342305, -5.7991010, -19.3324410],
  [6.2282699, 14.1799334, 56.6905526],
  [4.7763850, -13.7451454, -65.3530326],
  [-5.4354559, 4.6458526, 26.3124352],
];

/** @param {number} share 0..1 @returns {[number, number, number]} red, green, blue from 0 to 255 */
export function viridis(share) {
  const at = (channel) => VIRIDIS.reduceRight((sum, row) => sum * share + row[channel], 0);
  return [0, 1, 2].map((channel) => Math.round(255 * Math.min(Math.max(at(channel), 0), 1)));
}
