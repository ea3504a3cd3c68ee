/** A reference mask beside the model's: its outline, and how far both agree. */

import { Problem } from '../api.js';
import { refreshCommands, toggle } from '../controls.js';
import { fill, h } from '../dom.js';
import { readLabels } from '../files/png_labels.js';
import { number, onLanguage, t } from '../i18n.js';
import { register } from '../keyboard.js';
import { traceContours } from '../mask/contours.js';
import { registerPanel, revealPanel } from '../panels/registry.js';

/**
 * Dice and IoU of two planes; null where both are empty.
 *
 * @param {Uint8Array} a 0 or 1 @param {Uint8Array} b 0 or 1
 */
export function agreement(a, b) {
  let [both, sum] = [0, 0];
  for (let i = 0; i < a.length; i += 1) {
    both += a[i] & b[i];
    sum += a[i] + b[i];
  }
  return sum ? { dice: (2 * both) / sum, iou: both / (sum - both) } : null;
}

/** @param {object} app */
export function installReference(app) {
  const input = h('input', { type: 'file', id: 'pick-reference', accept: '.png,image/png', hidden: true, 'aria-hidden': 'true', tabindex: -1 });
  input.addEventListener('change', () => {
    if (input.files.length) openReference(app, input.files[0]);
    input.value = '';
  });
  document.body.append(input);
  register({ id: 'reference.open', textKey: 'viewer.reference-open', icon: 'open', group: 'view', keys: ['alt+r'], when: () => Boolean(app.view.mask), run: () => input.click() });
  register({ id: 'reference.remove', textKey: 'viewer.reference-remove', icon: 'close', group: 'view', when: () => Boolean(app.view.item?.reference), run: () => put(app, app.view.item, null) });
  registerPanel({ id: 'reference', textKey: 'viewer.panel.reference', order: 50, tab: 'frame', closed: true, build: (host) => buildPanel(host, app) });
}

async function openReference(app, file) {
  const { item, mask } = app.view;
  try {
    const labels = await readLabels(file).catch(() => null);
    if (!labels) throw new Problem(0, 'reference-unreadable');
    if (labels.width !== mask.width || labels.height !== mask.height) throw new Problem(0, 'reference-size');
    put(app, item, makeReference(file.name, labels.values, mask));
    revealPanel(app, 'reference');
  } catch (problem) {
    app.tell(problem);
  }
}

/** Label values -> planes of a mask's classes. Values 0 and one other: the mask of the outermost class. */
function makeReference(name, values, mask) {
  const present = [...new Set(values)].filter((value) => value !== 0);
  const known = mask.targets.map((target) => target.value);
  const single = present.length === 1 && !known.includes(present[0]);
  if (!single && present.some((value) => !known.includes(value))) throw new Problem(0, 'reference-labels', present.join(', '));
  const planes = mask.targets.map((target, k) => {
    const inside = single ? (k === 0 ? present : []) : [k, ...mask.nesting.inner[k]].map((j) => mask.targets[j].value);
    return values.map((value) => (inside.includes(value) ? 1 : 0));
  });
  const rings = planes.map((plane) => traceContours(plane, mask.width, mask.height));
  return { name, planes, rings };
}

function put(app, item, reference) {
  const before = item.reference;
  const use = (value) => {
    item.reference = value;
    app.frames.changed(item, 'reference');
    refreshCommands();
  };
  app.history.run({ item, textKey: 'viewer.history.reference', do: () => use(reference), undo: () => use(before) });
}

function buildPanel(host, app) {
  const name = h('p', { class: 'hint' });
  const table = h('div', {});
  const shown = toggle({ textKey: 'viewer.reference-show', value: true, change: (value) => app.store.set({ display: { ...app.store.get().display, reference: value } }) });
  const open = app.button('reference.open');
  const remove = app.button('reference.remove');
  host.append(name, table, shown.element, h('div', { class: 'row is-wrapping' }, open, remove));
  let end = () => undefined;
  let waiting = 0;
  const count = () => {
    waiting = 0;
    const { item, mask } = app.view;
    const reference = item?.reference;
    shown.element.hidden = remove.hidden = !reference;
    name.textContent = reference ? reference.name : t('viewer.reference-help');
    fill(table, reference && mask ? agreementTable(mask.targets.map(({ name: each }, k) => [each, agreement(mask.plane(k), reference.planes[k])])) : null);
  };
  const soon = () => (waiting ||= setTimeout(count, 80));
  const follow = () => {
    end();
    end = app.view.mask?.onChange(soon) ?? (() => undefined);
    soon();
  };
  app.view.onShown(follow);
  app.frames.on('item', (item, what) => item === app.view.item && what === 'reference' && count());
  app.store.on('display', ({ display }) => shown.set(display.reference));
  onLanguage(count);
  count();
}

/** @param {[string, {dice: number, iou: number}|null][]} rows */
export function agreementTable(rows) {
  const digits = (value) => number(value, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
  return h(
    'table',
    { class: 'agreement' },
    h('thead', {}, h('tr', {}, h('th', { t: 'viewer.class' }), h('th', {}, 'Dice'), h('th', {}, 'IoU'))),
    h('tbody', {}, ...rows.map(([name, each]) =>
      h('tr', {}, h('td', { translate: 'no' }, name), h('td', {}, each ? digits(each.dice) : '–'), h('td', {}, each ? digits(each.iou) : '–')))),
  );
}
