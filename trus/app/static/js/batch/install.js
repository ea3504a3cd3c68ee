/** The batch, put into the page: its panel and commands. */

import { button, commandButton, progressBar, refreshCommands } from '../controls.js';
import { fill, h } from '../dom.js';
import { number, onLanguage, t } from '../i18n.js';
import { register } from '../keyboard.js';
import { wordsFor } from '../messages.js';
import { registerPanel } from '../panels/registry.js';
import { Batch, IDLE } from './batch.js';

const MOST_FAILURES = 5;
const REFRESH_MS = 200;

/** @param {object} app gets `batch` */
export function installBatch(app) {
  app.store.set({ batch: IDLE });
  app.batch = new Batch(app);
  registerCommands(app);
  registerPanel({ id: 'batch', textKey: 'batch.panel', order: 10, tab: 'all', build: buildBatchPanel });
  app.store.on('batch', refreshCommands);
  app.store.on('batchEnded', ({ batchEnded: { done, failed } }) => {
    const kind = failed ? 'warning' : 'success';
    app.say(failed ? 'batch.ended.failed' : 'batch.ended', { n: done, failed }, { kind });
  });
}

function registerCommands(app) {
  const { batch } = app;
  const model = () => app.store.get().modelName;
  const is = (...states) => () => states.includes(batch.state.state);
  const group = 'batch';
  const idle = () => is('idle')() && Boolean(model()) && batch.left(model()).length > 0;
  const start = () => batch.start(batch.left(model()), model());
  register({ id: 'batch.start', textKey: 'batch.start', icon: 'play', keys: ['shift+b'], group, when: idle, run: start });
  register({ id: 'batch.pause', textKey: 'batch.pause', icon: 'pause', group, when: is('running'), run: () => batch.pause() });
  register({ id: 'batch.resume', textKey: 'batch.resume', icon: 'play', group, when: is('paused'), run: () => batch.resume() });
  register({ id: 'batch.cancel', textKey: 'batch.cancel', icon: 'stop', group, when: is('running', 'paused'), run: () => batch.cancel() });
  const failed = () => app.frames.list.some((item) => item.status === 'failed');
  register({ id: 'batch.retry', textKey: 'batch.retry', icon: 'retry', group, when: failed, run: () => batch.retry() });
}

function buildBatchPanel(host, app) {
  const bar = progressBar('batch.panel');
  const line = h('p', { class: 'batch-line' });
  const facts = h('p', { class: 'hint' });
  const [pause, resume, cancel] = ['pause', 'resume', 'cancel'].map((each) => commandButton(`batch.${each}`, { text: true }));
  const going = h('div', { class: 'row' }, pause, resume, cancel);
  const start = commandButton('batch.start', { text: true, class: 'is-primary is-wide' });
  const failures = h('div', { class: 'batch-failures' });
  host.append(facts, start, bar.element, line, going, failures);
  let timer = 0;
  const soon = () => {
    timer ||= setTimeout(() => ((timer = 0), render()), REFRESH_MS);
  };
  function render() {
    const { batch } = app.store.get();
    const idle = batch.state === 'idle';
    start.hidden = !idle;
    bar.element.hidden = line.hidden = going.hidden = idle;
    pause.hidden = batch.state === 'paused';
    resume.hidden = !pause.hidden;
    bar.set(batch.total ? (batch.done + batch.failed) / batch.total : 0);
    line.textContent = idle ? '' : progressText(batch);
    facts.textContent = countsText(app.frames.list);
    fill(failures, ...failureList(app));
    refreshCommands();
  }
  app.store.on(['batch', 'modelName'], soon);
  app.frames.on('list', soon);
  app.frames.on('item', (_item, what) => (what === 'status' || what === 'edited') && soon());
  onLanguage(render);
  render();
}

/** "213 of 500 · about 4 min left". */
function progressText({ state, total, done, failed, secondsLeft, reason }) {
  const many = t('batch.progress', { done: done + failed, total });
  if (state === 'paused') return `${many} · ${t(reason ? `batch.paused.${reason}` : 'batch.paused')}`;
  return secondsLeft === null ? many : `${many} · ${leftText(secondsLeft)}`;
}

function leftText(seconds) {
  if (seconds < 60) return t('batch.left.seconds', { n: Math.max(5, 5 * Math.ceil(seconds / 5)) });
  return t('batch.left.minutes', { n: Math.ceil(seconds / 60) });
}

function countsText(list) {
  const of = (holds) => list.filter(holds).length;
  const counts = { n: list.length, done: of((item) => item.status === 'done'), corrected: of((item) => item.edited) };
  return t(list.length ? 'batch.counts' : 'batch.none', counts);
}

function failureList(app) {
  const failed = app.frames.list.filter((item) => item.status === 'failed');
  if (!failed.length) return [];
  const rows = failed.slice(0, MOST_FAILURES).map((item) => {
    const { key, vars } = wordsFor(item.problem ?? { status: 0, kind: '' });
    const open = button({ textKey: 'batch.show', class: 'is-small', run: () => app.frames.select(item.id) });
    return h('li', {}, h('div', { class: 'row' }, h('strong', { class: 'grow', translate: 'no' }, item.name), open), h('small', { t: key, vars }));
  });
  const more = failed.length > MOST_FAILURES ? h('p', { class: 'hint' }, t('batch.more', { n: failed.length - MOST_FAILURES })) : null;
  const head = h('h3', { class: 'field-name' }, `${t('batch.failures')}: ${number(failed.length)}`);
  return [head, h('ul', { class: 'failure-list' }, ...rows), more, commandButton('batch.retry', { text: true })].filter(Boolean);
}
