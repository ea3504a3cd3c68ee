/** The export dialog: which frames, what of them, and how it goes. */

import { progressBar } from '../controls.js';
import { openDialog } from '../dialog.js';
import { fill, h } from '../dom.js';
import { number, onLanguage, t } from '../i18n.js';
import { Problem, isAbort } from '../api.js';
import { wordsFor } from '../messages.js';
import { buildForm } from './form.js';
import { INTO_FOLDER, framesOf } from './formats.js';
import { exportFiles, exportIntoFolder } from './run.js';
import { save } from './save.js';
import { summary } from './summary.js';

/**
 * @typedef {object} Choice
 * @property {string} scope
 * @property {object[]|null} chosen frames that the table showed
 * @property {Set<string>} formats
 * @property {boolean} folder whether they go into the training folder
 * @property {string} patientId
 * @property {boolean} acceptText
 */

/** What was chosen last stays chosen while the page lives. @type {Choice} */
const choice = { scope: 'all', chosen: null, formats: new Set(['mask', 'csv']), folder: false, patientId: '', acceptText: false };

/** @param {object} app @param {object[]|null} [chosen] frames to offer beside the usual scopes */
export function openExport(app, chosen = null) {
  choice.chosen = chosen;
  if (chosen) choice.scope = 'chosen';
  else if (choice.scope === 'chosen') choice.scope = 'all';
  new ExportDialog(app).open();
}

class ExportDialog {
  #app;
  #control = null;
  #bar = progressBar('export.progress');
  #line = h('p', { class: 'hint', 'aria-live': 'polite' });
  #outcome = h('div', { class: 'export-outcome', role: 'status' });

  constructor(app) {
    this.#app = app;
  }

  open() {
    this.form = buildForm(this.#app, choice, () => this.#show());
    const going = h('div', { class: 'export-going' }, this.#bar.element, this.#line);
    const status = h('div', { class: 'export-status' }, going, this.#outcome);
    const body = h('div', { class: 'stack' }, this.form, status);
    const actions = [
      { textKey: 'export.stop', run: () => (this.#control?.abort(), false) },
      { textKey: 'export.run', primary: true, run: () => (this.#run(), false) },
    ];
    const end = onLanguage(() => this.#show());
    this.dialog = openDialog({ titleKey: 'export.title', body, wide: true, actions, onClose: () => (end(), this.#control?.abort()) });
    [this.stop, this.start] = this.dialog.element.querySelectorAll('.dialog-foot .button');
    this.#show();
  }

  get #busy() {
    return this.#control !== null;
  }

  #show() {
    const frames = framesOf(this.#app, choice.scope, choice.chosen).length;
    this.form.inert = this.#busy;
    this.#bar.element.parentElement.hidden = !this.#busy;
    this.stop.hidden = !this.#busy;
    this.start.disabled = this.#busy || !frames || !(choice.formats.size || choice.folder);
  }

  async #run() {
    this.#control = new AbortController();
    fill(this.#outcome);
    this.#show();
    try {
      await this.#export(this.#control.signal);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#control = null;
      this.#show();
    }
  }

  async #export(signal) {
    const { formats, folder } = this.form.wanted();
    const items = framesOf(this.#app, choice.scope, choice.chosen);
    const about = { annotator: this.#app.store.get().annotator ?? '', patientId: choice.patientId, acceptText: choice.acceptText };
    const going = { signal, progress: (format, done, total) => this.#tell(format, done, total) };
    const written = folder ? await exportIntoFolder(this.#app, INTO_FOLDER, items, about, going) : null;
    if (written) fill(this.#outcome, summary(written));
    const made = formats.length ? await exportFiles(this.#app, formats, items, about, going) : null;
    if (made) save(made.blob, made.name);
    if (!made && formats.length) throw new Problem(0, 'nothing-to-export');
    if (made) this.#app.say('export.saved', { name: made.name }, { kind: 'success' });
    if (made && !written) this.dialog.close();
  }

  #tell(format, done, total) {
    this.#bar.set(total ? done / total : 0);
    this.#line.textContent = t('export.going', { format: t(`export.format.${format}`), done: number(done), total: number(total) });
  }

  /** What was chosen stays; nothing half-made is kept. */
  #failed(error) {
    if (isAbort(error)) return this.#outcome.append(h('p', { t: 'export.stopped' }));
    if (error.kind === undefined) throw error;
    const { key, vars } = wordsFor(error);
    const small = error.detail && error.status ? h('small', { lang: 'en' }, error.detail) : null;
    return this.#outcome.append(h('div', { class: 'field-problem', role: 'alert' }, h('p', { t: key, vars }), small));
  }
}
