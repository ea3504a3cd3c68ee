/** The files that were opened, and their studies on the service: sent when needed, sent again when lost. */

import * as api from '../api.js';
import { Problem } from '../api.js';
import { newId } from '../ids.js';

/**
 * @typedef {object} OpenFile
 * @property {string} id
 * @property {string} name
 * @property {Blob} blob
 * @property {Promise<object>|null} study the service's answer
 * @property {string|null} studyId
 */

export class Files {
  /** @type {Map<string, OpenFile>} */
  #files = new Map();

  /** @param {string} id */
  get(id) {
    return this.#files.get(id);
  }

  /** Takes a file in; nothing is sent yet. @param {{id?: string, name: string, blob: Blob}} file */
  adopt({ id = newId(), name, blob }) {
    const file = { id, name, blob, study: null, studyId: null };
    this.#files.set(id, file);
    return file;
  }

  /** Frees a file's study on the service; it is sent again should it be needed. @param {string} id */
  rest(id) {
    const file = this.#files.get(id);
    file?.study?.then((study) => api.dropStudy(study.id)).catch(() => undefined);
    if (file) file.study = null;
  }

  /** Forgets a file here and on the service. @param {string} id */
  drop(id) {
    this.#files.get(id)?.study?.then((study) => api.dropStudy(study.id)).catch(() => undefined);
    this.#files.delete(id);
  }

  /** The study of a file; sends the file where that was not done. @returns {Promise<object>} */
  study(id) {
    const file = this.#files.get(id);
    if (!file) return Promise.reject(new Problem(404, 'file-closed'));
    if (!file.study) {
      file.study = readable(file).then((blob) => api.sendStudy(blob));
      file.study.then(
        (study) => (file.studyId = study.id),
        () => (file.study = null),
      );
    }
    return file.study;
  }

  /**
   * Asks something of a file's study; sends the file again where the service no longer has it.
   *
   * @template T
   * @param {string} id
   * @param {(study: string) => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async ask(id, ask, signal) {
    for (let attempt = 0; ; attempt += 1) {
      const study = await unlessAborted(this.study(id), signal);
      try {
        return await ask(study.id);
      } catch (problem) {
        if (problem.kind !== 'no-such-study' || attempt === 2) throw problem;
        this.forget(id, study.id);
      }
    }
  }

  /** The service no longer has this study: the file is sent again when it is needed. */
  forget(id, study) {
    const file = this.#files.get(id);
    if (file?.studyId === study) Object.assign(file, { study: null, studyId: null });
  }

  /** Tells the service, while the page closes, that its studies are no longer needed. @param {(ids: string[]) => void} tell */
  leave(tell) {
    const ids = [...this.#files.values()].map((file) => file.studyId).filter(Boolean);
    if (ids.length) tell(ids);
  }
}

/** The file itself, unless it was changed or removed on the disk since it was chosen. */
async function readable(file) {
  try {
    await file.blob.slice(0, 1).arrayBuffer();
  } catch {
    throw new Problem(0, 'file-gone', file.name);
  }
  return file.blob;
}

/** A shared promise goes on for others when one who waits for it leaves. */
export function unlessAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}
