/** Classes of the model: shown or not, colour, threshold, and what the model says of each. */

import { commandButton, refreshCommands, slider } from '../controls.js';
import { fill, h } from '../dom.js';
import { number, onLanguage, percent, t } from '../i18n.js';
import { icon } from '../icons.js';
import { register } from '../keyboard.js';
import { registerPanel } from './registry.js';

const STEPS = 256;

/** @param {object} app */
export function installClasses(app) {
  register({
    id: 'frame.segment',
    textKey: 'viewer.segment',
    keys: ['enter'],
    icon: 'play',
    group: 'frames',
    when: () => Boolean(app.frames.selected && app.store.get().modelName) && !app.view.mask && !app.results.isPending(app.frames.selected, app.store.get().modelName),
    run: () => app.showing.show(),
  });
  registerPanel({ id: 'classes', textKey: 'viewer.panel.classes', order: 10, tab: 'frame', build: (host) => build(host, app) });
}

function build(host, app) {
  let rows = [];
  let built = null;
  const ask = commandButton('frame.segment', { text: true });
  const refresh = () => {
    const { mask } = app.view;
    const stamp = mask ? mask.targets.map((target) => target.name).join('\n') + mask.sha256 : '';
    if (stamp !== built) {
      built = stamp;
      rows = mask ? mask.targets.map((_, k) => classRow(app, k)) : [];
      fill(host, ...(rows.length ? rows.map((row) => row.element) : [h('p', { class: 'hint', t: 'viewer.no-mask' }), ask]));
    }
    for (const row of rows) row.refresh();
  };
  app.frames.on('select', refresh);
  app.frames.on('item', (item) => item === app.frames.selected && refresh());
  app.view.onShown(refresh);
  app.store.on(['hidden', 'colours'], refresh);
  onLanguage(refresh);
  refresh();
}

function classRow(app, k) {
  const { view, store, colours } = app;
  const { name } = view.mask.targets[k];
  const visible = h('button', { type: 'button', class: 'icon-button is-small is-plain', tLabel: 'viewer.class.show', tTitle: 'viewer.class.show', vars: { name } });
  visible.addEventListener('click', () => {
    const { hidden } = store.get();
    store.set({ hidden: { ...hidden, [name]: !hidden[name] } });
  });
  const colour = h('input', { type: 'color', class: 'swatch', tLabel: 'viewer.class.colour', tTitle: 'viewer.class.colour', vars: { name } });
  colour.addEventListener('input', () => colours.set(name, colour.value));
  const threshold = thresholdSlider(app, k, name);
  const facts = h('p', { class: 'class-facts' });
  const element = h(
    'div',
    { class: 'class-row', 'data-class': name },
    h('div', { class: 'row' }, colour, h('span', { class: 'class-name grow', translate: 'no' }, name), threshold.value, threshold.reset, visible),
    threshold.element,
    facts,
  );
  const refresh = () => {
    const shown = !store.get().hidden[name];
    visible.setAttribute('aria-pressed', String(shown));
    fill(visible, icon(shown ? 'eye' : 'eyeOff', 18));
    colour.value = colours.of(name, k);
    threshold.element.style.setProperty('--slider', colour.value);
    threshold.refresh();
    showFacts(facts, view, k);
  };
  return { element, refresh };
}

/** The value in 1/256 that a model's own threshold stands for. */
const ownStep = (target) => Math.min(Math.max(Math.ceil(target.threshold * STEPS), 1), 255);

function thresholdSlider(app, k, name) {
  const { view } = app;
  const current = () => view.mask.thresholds[k] ?? ownStep(view.mask.targets[k]);
  const text = (value) => number(value / STEPS, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const value = h('output', { class: 'class-threshold' });
  const apply = (step) => {
    if (!view.mask?.attached) return;
    app.thresholds.preview(k, step);
    value.textContent = text(step);
  };
  const control = slider({
    labelKey: 'viewer.threshold.of', vars: { name }, min: 1, max: 255, value: current(), text, input: apply, change: () => app.thresholds.commit(),
  });
  const own = h('span', { class: 'slider-mark', 'aria-hidden': 'true', tTitle: 'viewer.threshold.own' });
  const reset = h('button', { type: 'button', class: 'icon-button is-small', tLabel: 'viewer.threshold.reset', tTitle: 'viewer.threshold.reset', vars: { name } }, icon('reset', 16));
  reset.addEventListener('click', () => {
    app.thresholds.preview(k, null);
    app.thresholds.commit();
  });
  const refresh = () => {
    if (!view.mask) return;
    control.set(current());
    control.input.disabled = !view.mask.attached;
    value.textContent = text(current());
    own.style.setProperty('--share', String((ownStep(view.mask.targets[k]) - 1) / 254));
    reset.disabled = view.mask.thresholds[k] === null;
    refreshCommands();
  };
  return { element: h('div', { class: 'slider-box' }, control.element, own), value, reset, refresh };
}

function showFacts(host, view, k) {
  const target = view.result?.targets[k];
  if (!target || target.meanProbability === null || target.meanProbability === undefined) {
    host.textContent = t(target ? 'viewer.class.absent' : 'viewer.class.pending');
    return;
  }
  const vars = { mean: percent(target.meanProbability), share: percent(target.uncertainShare ?? 0) };
  host.textContent = t('viewer.class.mean', vars);
  host.title = t('viewer.class.mean-help');
}
