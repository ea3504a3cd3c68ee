import { setText } from './i18n.js';

const TEXTS = { t: 't', tTitle: 'tTitle', tLabel: 'tLabel', tPlaceholder: 'tPlaceholder' };

/**
 * An element. `t`, `tTitle`, `tLabel`, `tPlaceholder` are text keys (translated again when the language changes),
 * `vars` their values, `on` its listeners, `class` its classes, `style` properties set by the CSSOM; anything else is
 * an attribute (false and null: left out).
 *
 * @param {string} tag
 * @param {object} [options]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function h(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  const { on, class: names, style, vars, ...rest } = options;
  if (names) element.className = names;
  for (const [name, value] of Object.entries(style ?? {})) element.style.setProperty(name, value);
  for (const [name, value] of Object.entries(rest)) {
    if (name in TEXTS || value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child || child === 0));
  for (const name of Object.keys(TEXTS)) if (rest[name]) setText(element, rest[name], vars, TEXTS[name]);
  for (const [name, listener] of Object.entries(on ?? {})) element.addEventListener(name, listener);
  return element;
}

/** Takes an element's children away and puts others in. */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter(Boolean));
  return element;
}
