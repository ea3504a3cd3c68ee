/** Pictures of frames: fetched once, kept while there is room. */

import * as api from '../api.js';

const KEPT_BYTES = 160 * 1024 * 1024;

/**
 * A frame's picture. `range`: the values of the file that black and white stand for.
 *
 * @typedef {object} Picture
 * @property {ImageBitmap} bitmap
 * @property {number} width
 * @property {number} height
 * @property {[number, number]} range
 */

export class Pictures {
  #files;
  /** @type {Map<string, Picture>} the latest used last */
  #kept = new Map();
  #bytes = 0;

  /** @param {import('../files/files.js').Files} files */
  constructor(files) {
    this.#files = files;
  }

  /** The picture where it is here already. @returns {Picture|undefined} */
  peek(item, model = null) {
    return this.#kept.get(keyOf(item, model));
  }

  /**
   * A frame's picture; with a model what its network sees.
   *
   * @param {import('../frames.js').Item} item
   * @param {{model?: string|null, signal?: AbortSignal}} [options]
   * @returns {Promise<Picture>}
   */
  async get(item, { model = null, signal } = {}) {
    const key = keyOf(item, model);
    const known = this.#kept.get(key);
    if (known) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    const { blob, range } = await this.#files.ask(item.fileId, (study) => fetchPicture(study, item, model, signal), signal);
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
    const picture = { bitmap, width: bitmap.width, height: bitmap.height, range };
    this.#keep(key, picture);
    return picture;
  }

  #keep(key, picture) {
    this.#kept.set(key, picture);
    this.#bytes += sizeOf(picture);
    for (const [old, each] of this.#kept) {
      if (this.#bytes <= KEPT_BYTES || old === key) break;
      this.#kept.delete(old);
      this.#bytes -= sizeOf(each);
    }
  }

  /** Forgets the pictures of items that are no longer there. @param {(id: string) => boolean} isThere */
  dropGone(isThere) {
    const gone = [...this.#kept.keys()].map((key) => key.slice(0, key.indexOf(' '))).filter((id) => !isThere(id));
    for (const id of new Set(gone)) this.drop({ id });
  }

  /** Forgets the pictures of an item. */
  drop(item) {
    for (const [key, picture] of [...this.#kept]) {
      if (!key.startsWith(`${item.id} `)) continue;
      this.#kept.delete(key);
      this.#bytes -= sizeOf(picture);
    }
  }
}

const keyOf = (item, model) => `${item.id} ${model ?? ''}`;
const sizeOf = (picture) => picture.width * picture.height * 4;

async function fetchPicture(study, item, model, signal) {
  if (model === null) return api.getFrame(study, item.number, signal);
  return { blob: await api.getPreprocessed(study, item.number, model, signal), range: [0, 255] };
}
