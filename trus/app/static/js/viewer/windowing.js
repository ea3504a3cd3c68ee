/** Window and level: which grey values of a picture are shown from black to white. */

/**
 * Levels of grey, 0..255 -> 0..255. `center` and `width` are in levels of the picture.
 *
 * @param {{center: number, width: number}|null} window null: as it is
 */
export function levels(window) {
  const table = new Uint8ClampedArray(256);
  const { center, width } = window ?? { center: 127.5, width: 255 };
  const low = center - width / 2;
  for (let level = 0; level < 256; level += 1) table[level] = ((level - low) / Math.max(width, 1)) * 255;
  return table;
}

/** The window in the file's own values. @param {[number, number]} range of the picture */
export function toValues(window, range) {
  const step = (range[1] - range[0]) / 255;
  const { center, width } = window ?? { center: 127.5, width: 255 };
  return { center: range[0] + center * step, width: width * step };
}

/** The reverse of `toValues`. */
export function fromValues(values, range) {
  const step = (range[1] - range[0]) / 255 || 1;
  return { center: (values.center - range[0]) / step, width: Math.max(values.width / step, 1) };
}

/** The pixels of a picture and the picture through a window; remembers the last, as one picture is shown at a time. */
export class WindowedPicture {
  #picture = null;
  #pixels = null;
  #canvas = document.createElement('canvas');
  #shown = null;

  /** @param {import('./pictures.js').Picture|null} picture */
  use(picture) {
    if (picture === this.#picture) return;
    this.#picture = picture;
    this.#pixels = null;
    this.#shown = null;
  }

  /** @returns {ImageData} */
  get pixels() {
    if (!this.#pixels) {
      const { bitmap, width, height } = this.#picture;
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d', { willReadFrequently: true });
      context.drawImage(bitmap, 0, 0);
      this.#pixels = context.getImageData(0, 0, width, height);
    }
    return this.#pixels;
  }

  /** What to draw. @param {{center: number, width: number}|null} window @returns {CanvasImageSource} */
  through(window) {
    if (!window) return this.#picture.bitmap;
    const stamp = `${window.center} ${window.width}`;
    if (this.#shown !== stamp) this.#render(window);
    this.#shown = stamp;
    return this.#canvas;
  }

  #render(window) {
    const { data, width, height } = this.pixels;
    const table = levels(window);
    const out = new ImageData(width, height);
    for (let i = 0; i < data.length; i += 4) {
      out.data[i] = table[data[i]];
      out.data[i + 1] = table[data[i + 1]];
      out.data[i + 2] = table[data[i + 2]];
      out.data[i + 3] = 255;
    }
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#canvas.getContext('2d').putImageData(out, 0, 0);
  }

  /** The picture's levels at a pixel. @returns {[number, number, number]|null} red, green, blue */
  at(x, y) {
    if (!this.#picture || x < 0 || y < 0 || x >= this.#picture.width || y >= this.#picture.height) return null;
    const i = 4 * (y * this.#picture.width + x);
    return [this.pixels.data[i], this.pixels.data[i + 1], this.pixels.data[i + 2]];
  }
}
