/** Files come in: chosen, dropped, pasted, single, many or whole folders. What cannot be opened is told and skipped. */

import { Problem, isAbort } from '../api.js';
import { createItem } from '../frames.js';
import { unlessAborted } from './files.js';

const IGNORED = /^(\.|thumbs\.db$|desktop\.ini$|dicomdir$)/i;
const NOT_PICTURES = /\.(txt|csv|json|ya?ml|xml|md|html?|pdf|docx?|xlsx?|pptx?|zip|gz|tar|7z|rar|exe|py|js|css|log|ini|nii|npy|pkl|pt|pth)$/i;
const MODEL = /\.onnx$/i;
const AT_ONCE = 3;

export class Opening {
  #app;
  #queue = [];
  #control = null;
  #done = 0;
  #skipped = [];

  /** @param {object} app */
  constructor(app) {
    this.#app = app;
  }

  /** How far the opening is, null while nothing is opened. */
  get progress() {
    return this.#control ? { done: this.#done, total: this.#done + this.#queue.length, skipped: this.#skipped.length } : null;
  }

  /** Opens files after those that are being opened already. @param {File[]} files */
  async open(files) {
    const models = files.filter((file) => MODEL.test(file.name));
    for (const model of models) this.#app.models.send(model);
    const wanted = files.filter((file) => !MODEL.test(file.name) && !IGNORED.test(file.name));
    this.#queue.push(...wanted);
    if (this.#control || !this.#queue.length) return;
    this.#control = new AbortController();
    this.#done = 0;
    this.#skipped = [];
    await this.#work(this.#control.signal);
    this.#control = null;
    this.#tell();
    if (this.#skipped.length) this.#app.showSkipped(this.#skipped);
  }

  /** What is not yet opened is left out. */
  cancel() {
    this.#queue = [];
    this.#control?.abort(new DOMException('cancelled', 'AbortError'));
  }

  #tell() {
    this.#app.store.set({ opening: this.progress });
  }

  /** Files are shown in their order; the next ones are on their way meanwhile. */
  async #work(signal) {
    this.#tell();
    const started = [];
    let first = true;
    while (this.#queue.length && !signal.aborted) {
      while (started.length < Math.min(AT_ONCE, this.#queue.length)) started.push(this.#start(this.#queue[started.length]));
      try {
        const items = await unlessAborted(started[0], signal);
        this.#app.frames.add(items);
        if (first) this.#app.frames.select(items[0].id);
        first = false;
      } catch (error) {
        if (isAbort(error)) break;
        if (this.#app.connection.notice(error)) {
          await this.#app.connection.back(signal).catch(() => undefined);
          this.#abandon(started.splice(0)); // what was on its way is begun anew
          continue;
        }
        this.#skip(this.#queue[0], error);
      }
      started.shift();
      this.#queue.shift();
      this.#done += 1;
      this.#tell();
    }
    this.#abandon(started);
  }

  #abandon(started) {
    for (const opening of started) opening.then((items) => this.#app.files.drop(items[0].fileId), () => undefined);
  }

  /** @param {File} file @returns {Promise<import('../frames.js').Item[]>} */
  #start(file) {
    const opening = this.#open(file);
    opening.catch(() => undefined); // its turn to be told comes
    return opening;
  }

  #skip(file, error) {
    if (error?.kind === undefined) throw error;
    this.#skipped.push({ name: file.webkitRelativePath || file.name, file, problem: error });
  }

  async #open(file) {
    const { files, store } = this.#app;
    if (NOT_PICTURES.test(file.name)) throw new Problem(415, 'not-a-picture');
    if (!file.size) throw new Problem(422, 'empty-file');
    const most = store.get().session?.limits.max_bytes;
    if (most && file.size > most) throw new Problem(413, 'too-large');
    const open = files.adopt({ name: file.name, blob: file });
    try {
      return itemsOf(open, await files.study(open.id));
    } catch (error) {
      files.drop(open.id);
      throw error;
    }
  }
}

/** The frames of a study. @returns {import('../frames.js').Item[]} */
function itemsOf(file, study) {
  const many = study.frames > 1;
  return Array.from({ length: study.frames }, (_, number) =>
    createItem({
      fileId: file.id,
      name: many ? `${file.name} · ${number + 1}` : file.name,
      number,
      size: study.size,
      kind: study.kind,
      spacing: study.spacing,
      spacingNote: study.spacing_note ?? '',
      regions: study.regions ?? [],
    }),
  );
}
