/** What the page waits for, with how far it is and a way to stop it. */

import { button, progressBar } from './controls.js';
import { fill, h } from './dom.js';
import { setText } from './i18n.js';

const QUIET_MS = 300;
const FIRST_GUESS_MS = 3000;

/** @param {HTMLElement} host @param {object} app */
export function buildWorking(host, app) {
  const text = h('span', { class: 'working-text' });
  const bar = progressBar('shell.working');
  const cancel = button({ textKey: 'shell.cancel', class: 'is-small', run: () => stop() });
  fill(host, text, cancel, bar.element);
  let since = 0;
  let timer = 0;
  let stop = () => undefined;
  const usual = new Map();

  const what = () => {
    const { opening, modelName } = app.store.get();
    const item = app.frames.selected;
    if (opening && opening.total > 1) return { kind: 'opening', ...opening };
    if (item && app.results.isPending(item, modelName)) return { kind: 'segmenting', item };
    return opening ? { kind: 'opening', ...opening } : null;
  };

  function show() {
    const now = what();
    clearTimeout(timer);
    if (!now) {
      since = 0;
      host.hidden = true;
      return;
    }
    since ||= performance.now();
    const elapsed = performance.now() - since;
    host.hidden = elapsed < QUIET_MS;
    if (now.kind === 'opening') {
      setText(text, 'shell.opening', { done: now.done, total: now.total });
      bar.set(now.done / now.total);
      stop = () => app.opening.cancel();
    } else {
      setText(text, 'viewer.segmenting', { name: app.store.get().modelName });
      bar.set(Math.min(elapsed / (usual.get(app.store.get().modelName) ?? FIRST_GUESS_MS), 0.96));
      stop = () => app.showing.cancel();
    }
    timer = setTimeout(show, 100);
  }

  app.frames.on('item', (item, change) => {
    if (change === 'result' && since) usual.set(app.store.get().modelName, performance.now() - since);
    if (item === app.frames.selected) show();
  });
  app.frames.on('select', () => ((since = 0), show()));
  app.store.on(['opening', 'modelName'], show);
}
