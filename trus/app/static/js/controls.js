/** Controls of one look: buttons of commands, switches, sliders, fields. */

import { h } from './dom.js';
import { onLanguage, t } from './i18n.js';
import { icon } from './icons.js';
import { newId } from './ids.js';
import { canRun, getCommand, run } from './keyboard.js';

const SYMBOLS = { arrowleft: '←', arrowright: '→', arrowup: '↑', arrowdown: '↓', ctrl: 'Ctrl', shift: 'Shift', alt: 'Alt' };
const NAMED = ['space', 'home', 'end', 'escape', 'delete', 'pageup', 'pagedown', 'enter'];

/** A chord as the user reads it: 'ctrl+z' -> 'Ctrl+Z'. @param {string} keys */
export function keyText(keys) {
  if (keys === '+') return '+';
  const word = (key) => SYMBOLS[key] ?? (NAMED.includes(key) ? t(`shell.key.${key}`) : key.charAt(0).toUpperCase() + key.slice(1));
  return keys.split('+').map(word).join('+');
}

/** What a command does and its key, for a tooltip. @param {string} id */
export function commandTitle(id) {
  const { textKey, keys } = getCommand(id);
  return keys?.length ? `${t(textKey)} (${keyText(keys[0])})` : t(textKey);
}

const shown = new Set();
let refreshing = false;

/** Commands may have become possible or impossible: their buttons follow with the next picture. */
export function refreshCommands() {
  if (refreshing) return;
  refreshing = true;
  requestAnimationFrame(() => {
    refreshing = false;
    for (const update of shown) update();
  });
}

onLanguage(refreshCommands);

/**
 * The button of a command: its icon, with `text` also its words; dimmed while the command cannot be run.
 *
 * @param {string} id
 * @param {{text?: boolean, class?: string, pressed?: () => boolean, icon?: string|(() => string)}} [options]
 */
export function commandButton(id, { text = false, class: names = '', pressed, icon: picture } = {}) {
  const command = getCommand(id);
  const name = () => (typeof picture === 'function' ? picture() : picture ?? command.icon);
  const label = text ? h('span', { t: command.textKey }) : null;
  const kind = text ? 'button' : 'icon-button';
  const button = h('button', { type: 'button', class: `${kind} ${names}`, 'data-command': id, on: { click: (event) => run(id, event) } });
  if (name()) button.append(icon(name()));
  if (label) button.append(label);
  const update = () => {
    const title = commandTitle(id);
    if (button.title !== title) button.title = title;
    if (!text) button.setAttribute('aria-label', t(command.textKey));
    if (command.keys) button.setAttribute('aria-keyshortcuts', command.keys.map(keyText).join(' '));
    button.disabled = !canRun(id);
    if (pressed) button.setAttribute('aria-pressed', String(pressed()));
    if (typeof picture === 'function') button.querySelector('svg').replaceWith(icon(picture()));
  };
  shown.add(update);
  update();
  return button;
}

/** A button of its own. @param {{textKey?: string, titleKey?: string, icon?: string, run: (event: Event) => void, class?: string}} options */
export function button({ textKey, titleKey, icon: picture, run: action, class: names = '', vars }) {
  const element = h('button', {
    type: 'button',
    class: `${textKey ? 'button' : 'icon-button'} ${names}`,
    tTitle: titleKey,
    tLabel: textKey ? undefined : titleKey,
    vars,
    on: { click: action },
  });
  if (picture) element.append(icon(picture));
  if (textKey) element.append(h('span', { t: textKey, vars }));
  return element;
}

/** A switch with its words. @returns {{element: HTMLElement, set(value: boolean): void, input: HTMLInputElement}} */
export function toggle({ textKey, value = false, change, keys }) {
  const input = h('input', { type: 'checkbox', role: 'switch', class: 'switch', on: { change: () => change(input.checked) } });
  input.checked = value;
  const hint = keys ? h('kbd', {}, keyText(keys)) : null;
  const element = h('label', { class: 'row toggle' }, h('span', { class: 'grow', t: textKey }), hint, input);
  return { element, input, set: (next) => (input.checked = next) };
}

/**
 * A slider; `input` is called at once, though at most once a picture while it is dragged, `change` at its end.
 *
 * @param {{labelKey: string, vars?: object, min: number, max: number, step?: number, value: number,
 *   input?: (value: number) => void, change?: (value: number) => void, text?: (value: number) => string}} options
 */
export function slider({ labelKey, vars, min, max, step = 1, value, input, change, text = String }) {
  const range = h('input', { type: 'range', class: 'slider', min, max, step, tLabel: labelKey, vars });
  const follow = oncePerPicture(() => input?.(Number(range.value)));
  const show = () => {
    range.style.setProperty('--share', `${(100 * (range.value - range.min)) / (range.max - range.min)}%`);
    range.setAttribute('aria-valuetext', text(Number(range.value)));
  };
  range.addEventListener('input', () => (show(), follow.call()));
  range.addEventListener('change', () => (follow.finish(), change?.(Number(range.value))));
  const set = (next) => {
    range.value = String(next);
    show();
  };
  set(value);
  const end = onLanguage(() => (range.isConnected ? show() : end()));
  return { element: range, input: range, set };
}

/** Calls at once; what comes before the next picture is called once with it. */
function oncePerPicture(action) {
  let [waiting, again] = [0, false];
  const next = () => {
    waiting = 0;
    if (again) call();
  };
  function call() {
    again = waiting !== 0;
    if (again) return;
    action();
    waiting = requestAnimationFrame(next);
  }
  const finish = () => again && ((again = false), action());
  return { call, finish };
}

/** One of a few. @param {{labelKey: string, options: {value: string, textKey: string}[], value: string, change: (value: string) => void}} options */
export function segmented({ labelKey, options, value, change }) {
  const name = newId();
  const inputs = options.map((option) => {
    const input = h('input', { type: 'radio', name, value: option.value, on: { change: () => change(option.value) } });
    return { input, element: h('label', { class: 'segment' }, input, h('span', { t: option.textKey })) };
  });
  const set = (next) => inputs.forEach(({ input }) => (input.checked = input.value === next));
  set(value);
  const element = h('div', { class: 'segmented', role: 'radiogroup', tLabel: labelKey }, ...inputs.map((each) => each.element));
  return { element, set };
}

/** A bar of how much is done; null: it is not known how much. */
export function progressBar(labelKey) {
  const bar = h('div', { class: 'progress-bar' });
  const element = h('div', { class: 'progress', role: 'progressbar', tLabel: labelKey, 'aria-valuemin': 0, 'aria-valuemax': 100 }, bar);
  const set = (share) => {
    bar.style.width = `${100 * (share ?? 0)}%`;
    if (share === null) element.removeAttribute('aria-valuenow');
    else element.setAttribute('aria-valuenow', String(Math.round(100 * share)));
  };
  return { element, set };
}
