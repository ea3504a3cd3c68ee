/** Texts in English and Russian. A key is `PART.name`; a text is a string with `{name}` in it, or its plural forms. */

const PARTS = ['shell', 'viewer', 'edit', 'measure', 'batch', 'export', 'problems'];
const LANGUAGES = ['en', 'ru'];

const texts = {};
const listeners = new Set();
let language = 'en';
let numbers = new Intl.NumberFormat('en');
let plurals = new Intl.PluralRules('en');

/** Loads every text of both languages. A part whose file is absent is an error. */
export async function loadTexts() {
  for (const each of LANGUAGES) texts[each] = {};
  const loads = LANGUAGES.flatMap((each) =>
    PARTS.map(async (part) => Object.assign(texts[each], (await import(`./i18n/${each}/${part}.js`)).default)),
  );
  await Promise.all(loads);
}

/** The language of the browser, where it is one of ours. */
export function preferredLanguage() {
  return navigator.languages.some((each) => each.toLowerCase().startsWith('ru')) ? 'ru' : 'en';
}

export const currentLanguage = () => language;

/** Whether there is such a text. @param {string} key */
export const hasText = (key) => Object.hasOwn(texts[language], key);

/** Changes the language of the page at once. @param {'en'|'ru'} code */
export function setLanguage(code) {
  language = LANGUAGES.includes(code) ? code : 'en';
  numbers = new Intl.NumberFormat(language);
  plurals = new Intl.PluralRules(language);
  document.documentElement.lang = language;
  translate(document);
  for (const listener of [...listeners]) listener(language);
}

/** @param {(language: string) => void} listener @returns {() => void} ends the listening */
export function onLanguage(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * A text in the language chosen. Plural forms are chosen by `vars.n`; numbers are written as the language does.
 *
 * @param {string} key
 * @param {Record<string, string|number>} [vars]
 */
export function t(key, vars = {}) {
  let text = texts[language]?.[key] ?? texts.en?.[key];
  if (text === undefined) return key;
  if (typeof text === 'object') text = text[plurals.select(Number(vars.n ?? 0))] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = vars[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? numbers.format(value) : value;
  });
}

/** A number as the language writes it. @param {number} value @param {Intl.NumberFormatOptions} [options] */
export const number = (value, options) => new Intl.NumberFormat(language, options).format(value);

/** A share from 0 to 1 in per cent. @param {number} value @param {number} [digits] */
export const percent = (value, digits = 0) =>
  number(value, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits });

const TARGETS = {
  t: (element, text) => (element.textContent = text),
  tTitle: (element, text) => (element.title = text),
  tLabel: (element, text) => element.setAttribute('aria-label', text),
  tPlaceholder: (element, text) => element.setAttribute('placeholder', text),
};

/** Gives an element a text that follows the language. @param {'t'|'tTitle'|'tLabel'|'tPlaceholder'} [target] */
export function setText(element, key, vars, target = 't') {
  element.dataset[target] = key;
  if (vars) element.dataset.tVars = JSON.stringify(vars);
  else if (target === 't') delete element.dataset.tVars;
  TARGETS[target](element, t(key, vars));
}

function translate(root) {
  for (const element of root.querySelectorAll('[data-t],[data-t-title],[data-t-label],[data-t-placeholder]')) {
    const vars = element.dataset.tVars ? JSON.parse(element.dataset.tVars) : {};
    for (const [target, put] of Object.entries(TARGETS)) {
      if (element.dataset[target]) put(element, t(element.dataset[target], vars));
    }
  }
}
