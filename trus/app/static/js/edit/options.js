/** What a chosen tool shows over the picture: the class it changes, its reach, how it is used. */

import { slider } from '../controls.js';
import { h } from '../dom.js';
import { LEAST, MOST, setRadius } from './sizes.js';
import { chosenClass } from './stroke.js';
import { pixels } from './words.js';

/** Puts the parts into the tool's bar. @param {HTMLElement} host @param {...HTMLElement} parts */
export function optionBar(host, ...parts) {
  host.append(...parts);
}

/** @param {string} textKey */
export const hint = (textKey) => h('span', { class: 'tool-hint', t: textKey });

/** The name of the class that the tool changes, in its colour. @param {object} app */
export function classNote(app) {
  const swatch = h('span', { class: 'edit-swatch', 'aria-hidden': 'true' });
  const name = h('span', { class: 'edit-class', translate: 'no' });
  const element = h('span', { class: 'edit-target' }, swatch, name);
  const refresh = () => {
    const mask = app.frames.selected?.mask;
    const k = chosenClass(app, mask);
    element.hidden = !mask;
    if (!mask) return;
    name.textContent = mask.names[k];
    swatch.style.background = app.colours.of(mask.names[k], k);
  };
  whileShown(element, refresh, [app.store.on(['activeClass', 'colours'], refresh), app.frames.on('select', refresh), app.frames.on('item', refresh)]);
  return element;
}

/** A radius in even-looking steps. @param {object} app @param {'brushRadius'|'nudgeRadius'} key @param {string} labelKey */
export function radiusOption(app, key, labelKey) {
  const toShare = (radius) => (100 * Math.log(radius / LEAST)) / Math.log(MOST / LEAST);
  const toRadius = (share) => LEAST * (MOST / LEAST) ** (share / 100);
  const text = (share) => pixels(toRadius(share));
  const value = h('output', { class: 'edit-radius' });
  const control = slider({
    labelKey, min: 0, max: 100, value: toShare(app.store.get()[key]), text, input: (share) => setRadius(app, key, toRadius(share)),
  });
  const refresh = () => {
    const share = toShare(app.store.get()[key]);
    control.set(share);
    value.textContent = pixels(app.store.get()[key]);
  };
  const element = h('span', { class: 'edit-option' }, h('span', { class: 'caption', t: labelKey }), control.element, value);
  whileShown(element, refresh, [app.store.on(key, refresh)]);
  return element;
}

/** The bar is built again for each tool: what left the page listens no longer. */
function whileShown(element, refresh, ends) {
  refresh();
  const watch = new MutationObserver(() => {
    if (element.isConnected) return;
    watch.disconnect();
    for (const end of ends) end();
  });
  queueMicrotask(() => element.isConnected && watch.observe(document.body, { childList: true, subtree: true }));
}
