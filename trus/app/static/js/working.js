/** What the page waits for, with how far it is and a way to stop it; or that a frame has no mask, and a way to get it. */

import { button, commandButton, progressBar } from './controls.js';
import { fill, h } from './dom.js';
import { setText } from './i18n.js';
import { canRun, register } from './keyboard.js';
import { wordsFor } from './messages.js';

const QUIET_MS = 300;
const REFRESH_MS = 100;
const FIRST_GUESS_MS = 3000;
/** A bar that follows the time that the model usually takes never says that it is done. */
const NEARLY = 0.96;

/** Asks for the shown frame's mask, where that was given up. @param {object} app */
export function installSegmenting(app) {
  const model = () => app.store.get().modelName;
  const idle = () => Boolean(app.view.item && model()) && !app.view.mask && !app.results.isPending(app.view.item, model());
  register({ id: 'frame.segment', textKey: 'viewer.segment', keys: ['enter'], icon: 'play', group: 'frames', when: idle, run: () => app.showing.show() });
}

/**
 * What there is to tell now.
 *
 * @returns {{text: [string, object?], share: number|null, stop: (() => void)|null}|null}
 */
function stateOf(app, usual, elapsed) {
  const { opening, modelName, playing } = app.store.get();
  const item = app.frames.selected;
  const pending = item && app.results.isPending(item, modelName);
  if (opening && (opening.total > 1 || !pending)) {
    return { text: ['shell.opening', opening], share: opening.done / opening.total, stop: () => app.opening.cancel() };
  }
  if (pending) {
    const share = Math.min(elapsed / (usual.get(modelName) ?? FIRST_GUESS_MS), NEARLY);
    return { text: ['viewer.segmenting', { name: modelName }], share, stop: () => app.showing.cancel() };
  }
  if (item && !modelName) return { text: ['viewer.no-model-yet'], share: null, stop: null };
  if (playing || !item || !canRun('frame.segment')) return null;
  const words = item.status === 'failed' && item.problem ? wordsFor(item.problem) : null;
  return { text: words ? [words.key, words.vars] : ['viewer.no-mask'], share: null, stop: null };
}

/** @param {HTMLElement} host @param {object} app */
export function buildWorking(host, app) {
  const text = h('span', { class: 'working-text' });
  const bar = progressBar('shell.working');
  const cancel = button({ textKey: 'shell.cancel', class: 'is-small', run: () => stop() });
  const again = commandButton('frame.segment', { text: true, class: 'is-small' });
  const choose = commandButton('model.choose', { text: true, class: 'is-small' });
  fill(host, text, cancel, again, choose, bar.element);
  const usual = new Map();
  let [since, timer, stop] = [0, 0, () => undefined];

  function show() {
    const elapsed = since ? performance.now() - since : 0;
    const state = stateOf(app, usual, elapsed);
    clearTimeout(timer);
    host.hidden = !state || elapsed < QUIET_MS;
    since = state ? since || performance.now() : 0;
    if (!state) return;
    setText(text, ...state.text);
    cancel.hidden = bar.element.hidden = !state.stop;
    again.hidden = Boolean(state.stop) || !app.store.get().modelName;
    choose.hidden = Boolean(state.stop || app.store.get().modelName);
    stop = state.stop ?? stop;
    if (state.share !== null) bar.set(state.share);
    if (state.stop || host.hidden) timer = setTimeout(show, REFRESH_MS);
  }

  app.frames.on('item', (item, change) => {
    if (change === 'result' && since) usual.set(app.store.get().modelName, performance.now() - since);
    if (item === app.frames.selected) show();
  });
  app.frames.on('select', () => ((since = 0), show()));
  app.view.onShown(show);
  app.store.on(['opening', 'modelName', 'playing'], show);
}
