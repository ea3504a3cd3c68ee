/** What is laid over the picture, and how the picture itself is shown. */

import { keyText, refreshCommands, segmented, slider, toggle } from '../controls.js';
import { fill, h } from '../dom.js';
import { number, onLanguage, percent, t } from '../i18n.js';
import { getCommand, run } from '../keyboard.js';
import { fromValues, toValues } from '../viewer/windowing.js';
import { registerPanel } from './registry.js';

/** @param {object} app */
export function installLayers(app) {
  registerPanel({ id: 'layers', textKey: 'viewer.panel.layers', order: 20, tab: 'frame', build: (host) => buildLayers(host, app) });
  registerPanel({ id: 'picture', textKey: 'viewer.panel.picture', order: 30, tab: 'frame', build: (host) => buildPicture(host, app) });
}

function buildLayers(host, app) {
  const { store } = app;
  const display = () => store.get().display;
  const patch = (change) => store.set({ display: { ...display(), ...change } });
  const switches = ['mask', 'fill', 'contour', 'rim'].map((name) => {
    const made = toggle({ textKey: `viewer.${name}`, keys: getCommand(`view.${name}`).keys[0], change: (value) => patch({ [name]: value }) });
    return { ...made, name };
  });
  const opacity = slider({ labelKey: 'viewer.opacity', min: 0, max: 100, step: 5, value: 30, text: (value) => percent(value / 100), input: (value) => patch({ opacity: value / 100 }) });
  const heat = heatChooser(app, patch);
  host.append(
    ...switches.slice(0, 2).map((each) => each.element),
    h('div', { class: 'row is-indented' }, h('span', { class: 'caption', t: 'viewer.opacity' }), opacity.element),
    ...switches.slice(2).map((each) => each.element),
    heat.element,
  );
  const refresh = () => {
    for (const each of switches) each.set(display()[each.name]);
    opacity.set(Math.round(display().opacity * 100));
    opacity.input.disabled = !display().fill;
    heat.refresh();
  };
  store.on('display', refresh);
  app.view.onShown(heat.refresh);
  onLanguage(heat.refresh);
  refresh();
}

function heatChooser(app, patch) {
  const select = h('select', { class: 'select', tLabel: 'viewer.heat' });
  select.addEventListener('change', () => patch({ heat: select.value === '' ? null : Number(select.value) }));
  const row = h('div', { class: 'row' }, h('span', { class: 'grow', t: 'viewer.heat' }), h('kbd', {}, keyText('t')), select);
  const refresh = () => {
    const { heat } = app.store.get().display;
    const targets = app.view.mask?.targets ?? [];
    fill(select, new Option(t('viewer.heat-off'), ''), ...targets.map((target, k) => new Option(target.name, String(k))));
    select.value = heat === null || heat >= targets.length ? '' : String(heat);
    select.disabled = !targets.length;
  };
  return { element: row, refresh };
}

function buildPicture(host, app) {
  const { store } = app;
  const source = segmented({
    labelKey: 'viewer.source',
    value: store.get().source,
    options: ['raw', 'preprocessed'].map((value) => ({ value, textKey: `viewer.source-${value}` })),
    change: (value) => store.set({ source: value }),
  });
  const fields = { width: windowField(app, 'width'), center: windowField(app, 'center') };
  const reset = h('button', { type: 'button', class: 'button', t: 'viewer.window-reset', on: { click: () => run('view.window-reset') } });
  host.append(source.element, fields.width.element, fields.center.element, h('div', { class: 'row is-end' }, reset));
  const refresh = () => {
    source.set(store.get().source);
    fields.width.refresh();
    fields.center.refresh();
    reset.disabled = !app.windowing.get();
    refreshCommands();
  };
  store.on(['windows', 'source'], refresh);
  app.view.onShown(refresh);
  refresh();
}

const LIMITS = { width: [1, 510], center: [-127, 383] };

function windowField(app, name) {
  const rangeOf = () => app.view.picture?.range ?? [0, 255];
  const window = () => app.windowing.get() ?? { center: 127.5, width: 255 };
  const control = slider({
    labelKey: `viewer.window-${name}`, min: LIMITS[name][0], max: LIMITS[name][1], step: 0.5, value: window()[name],
    text: () => number(toValues(window(), rangeOf())[name], { maximumFractionDigits: 0 }),
    input: (value) => app.windowing.set({ ...window(), [name]: value }),
  });
  const field = h('input', { type: 'number', class: 'number-field', step: 1, tLabel: `viewer.window-${name}` });
  field.addEventListener('change', () => {
    const value = Number(field.value);
    if (field.value === '' || !Number.isFinite(value)) return refresh();
    const typed = fromValues({ ...toValues(window(), rangeOf()), [name]: value }, rangeOf());
    return app.windowing.set({ ...window(), [name]: Math.min(Math.max(typed[name], LIMITS[name][0]), LIMITS[name][1]) });
  });
  const refresh = () => {
    const open = Boolean(app.view.picture);
    control.set(window()[name]);
    control.input.disabled = field.disabled = !open;
    field.value = open ? String(Math.round(toValues(window(), rangeOf())[name])) : '';
  };
  const element = h('div', { class: 'row' }, h('span', { class: 'caption', t: `viewer.window-${name}` }), control.element, field);
  return { element, refresh };
}
