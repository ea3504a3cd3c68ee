/** Classes of the model: shown or not, colour, threshold, and what the model says of each. */

import { slider } from '../controls.js';
import { fill, h } from '../dom.js';
import { number, onLanguage, percent, t } from '../i18n.js';
import { icon } from '../icons.js';
import { registerPanel } from './registry.js';

const STEPS = 256;
const SETTLED_MS = 150;
const KEYS_MS = 700;

/** @param {object} app */
export function installClasses(app) {
  registerPanel({ id: 'classes', textKey: 'viewer.panel.classes', order: 10, tab: 'frame', build: (host) => build(host, app) });
}

/** The classes of the shown mask; until there is one those of the model, so that nothing jumps when it comes. */
function targetsOf(app) {
  return app.view.mask?.targets ?? app.models.get(app.store.get().modelName)?.targets ?? [];
}

function build(host, app) {
  let rows = [];
  let built = null;
  const refresh = () => {
    const targets = targetsOf(app);
    const stamp = JSON.stringify(targets);
    if (stamp !== built) {
      built = stamp;
      rows = targets.map((target, k) => classRow(app, target, k));
      fill(host, ...(rows.length ? rows.map((row) => row.element) : [h('p', { class: 'hint', t: 'viewer.no-model' })]));
    }
    for (const row of rows) row.refresh();
  };
  app.frames.on('item', (item) => item === app.frames.selected && refresh());
  const soon = settled(refresh);
  let endMask = () => undefined;
  app.view.onShown(() => {
    endMask();
    endMask = app.view.mask?.onChange(soon) ?? (() => undefined);
    refresh();
  });
  app.store.on(['hidden', 'colours', 'modelName', 'session'], refresh);
  onLanguage(refresh);
  refresh();
}

/** Calls once things have been quiet for a moment: a slider in motion is not slowed. */
function settled(action, ms = SETTLED_MS) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, ms);
  };
}

function classRow(app, target, k) {
  const { view, store, colours } = app;
  const { name } = target;
  const visible = h('button', { type: 'button', class: 'icon-button is-small is-plain', tLabel: 'viewer.class.show', tTitle: 'viewer.class.show', vars: { name } });
  visible.addEventListener('click', () => {
    const { hidden } = store.get();
    store.set({ hidden: { ...hidden, [name]: !hidden[name] } });
  });
  const colour = h('input', { type: 'color', class: 'swatch', tLabel: 'viewer.class.colour', tTitle: 'viewer.class.colour', vars: { name } });
  colour.addEventListener('input', () => colours.set(name, colour.value));
  const threshold = thresholdSlider(app, target, k);
  const facts = h('p', { class: 'class-facts' });
  const head = h('div', { class: 'row' }, colour, h('span', { class: 'class-name grow', translate: 'no' }, name), threshold.value, threshold.reset, visible);
  const element = h('div', { class: 'class-row', 'data-class': name }, head, threshold.element, facts);
  const refresh = () => {
    const shown = !store.get().hidden[name];
    visible.setAttribute('aria-pressed', String(shown));
    fill(visible, icon(shown ? 'eye' : 'eyeOff', 18));
    colour.value = colours.of(name, k);
    threshold.element.style.setProperty('--slider', colour.value);
    threshold.refresh();
    showFacts(facts, app, k);
  };
  return { element, refresh };
}

/** The value in 1/256 that a model's own threshold stands for. */
const ownStep = (target) => Math.min(Math.max(Math.ceil(target.threshold * STEPS), 1), 255);

function thresholdSlider(app, target, k) {
  const { view } = app;
  const vars = { name: target.name };
  const current = () => view.mask?.thresholds[k] ?? ownStep(target);
  const text = (value) => number(value / STEPS, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
  const value = h('output', { class: 'class-threshold' });
  const apply = (step) => {
    if (!view.mask?.attached) return;
    app.thresholds.preview(k, step);
    value.textContent = text(step);
  };
  const end = settled(() => app.thresholds.commit(), KEYS_MS); // a run of key presses is one step, as a drag is
  let byKeys = false;
  const control = slider({
    labelKey: 'viewer.threshold.of', vars, min: 1, max: 255, value: current(), text, input: apply, change: () => (byKeys ? end() : app.thresholds.commit()),
  });
  control.input.addEventListener('pointerdown', () => {
    byKeys = false;
    app.thresholds.commit();
  });
  control.input.addEventListener('keydown', (event) => {
    byKeys = true;
    if (event.ctrlKey || event.metaKey) app.thresholds.commit();
  });
  control.input.addEventListener('blur', () => app.thresholds.commit());
  const own = h('span', { class: 'slider-mark', 'aria-hidden': 'true', tTitle: 'viewer.threshold.own' });
  own.style.setProperty('--share', String((ownStep(target) - 1) / 254));
  const reset = h('button', { type: 'button', class: 'icon-button is-small', tLabel: 'viewer.threshold.reset', tTitle: 'viewer.threshold.reset', vars }, icon('reset', 16));
  reset.addEventListener('click', () => {
    app.thresholds.preview(k, null);
    app.thresholds.commit();
  });
  const refresh = () => {
    control.set(current());
    control.input.disabled = !view.mask?.attached;
    value.textContent = text(current());
    reset.disabled = !view.mask?.attached || view.mask.thresholds[k] === null;
  };
  return { element: h('div', { class: 'slider-box' }, control.element, own), value, reset, refresh };
}

/** The model's own numbers of its own mask; of a changed one its mean probability there, counted here. */
function showFacts(host, { view, models }, k) {
  const { mask, result } = view;
  const target = result?.targets[k];
  host.title = '';
  if (!mask || !target) host.textContent = '';
  else if (mask.thresholds[k] !== null || differs(mask.plane(k), mask.base[k])) {
    const mean = meanWithin(mask.plane(k), result.planes?.[k]);
    const tidied = mask.thresholds[k] !== null && models.get(mask.model)?.postprocessing?.[target.name];
    const parts = [mean === null ? t('viewer.class.empty') : t('viewer.class.mean-now', { mean: percent(mean) }), tidied && t('viewer.class.untidied')];
    host.textContent = parts.filter(Boolean).join(' · ');
  } else if (target.meanProbability === null) host.textContent = t('viewer.class.absent');
  else {
    const vars = { mean: percent(target.meanProbability), share: percent(target.uncertainShare ?? 0) };
    host.textContent = t('viewer.class.mean', vars);
    host.title = t('viewer.class.mean-help');
  }
}

const differs = (plane, base) => plane.some((value, i) => value !== base[i]);

/** Mean probability of the pixels of a mask; null where it is empty or the probabilities are not here. */
function meanWithin(plane, probability) {
  if (!probability) return null;
  let [sum, count] = [0, 0];
  for (let i = 0; i < plane.length; i += 1) {
    if (plane[i]) {
      sum += probability[i];
      count += 1;
    }
  }
  return count ? (sum / count + 0.5) / STEPS : null;
}
