/** What the page tells: short messages that go by themselves, and the words for a problem. */

import { isAbort } from './api.js';
import { button } from './controls.js';
import { h } from './dom.js';
import { hasText, t } from './i18n.js';
import { icon } from './icons.js';

const LASTS_MS = { info: 5000, success: 5000, warning: 12000, error: 0 };
const ICONS = { info: 'info', success: 'check', warning: 'warning', error: 'warning' };
const MOST = 4;

/** The text of a problem in the language, and what the service says of it. @returns {{key: string, vars: object}} */
export function wordsFor(problem) {
  const kind = problem.kind ? `problems.${problem.kind}` : `problems.status-${problem.status}`;
  return { key: hasText(kind) ? kind : 'problems.other', vars: { status: String(problem.status ?? ''), name: problem.detail ?? '' } };
}

/** @param {HTMLElement} host @param {HTMLElement} live for screen readers */
export function createMessages(host, live) {
  const announce = (text) => (live.textContent = live.textContent === text ? `${text}\u00a0` : text);

  function put(content, kind, action, same) {
    const old = [...host.children].find((each) => each.dataset.same === same);
    old?.remove();
    const shut = button({ titleKey: 'shell.close', icon: 'close', class: 'is-small', run: () => element.remove() });
    const act = action && button({ textKey: action.textKey, class: 'is-small', run: () => (element.remove(), action.run()) });
    const element = h('div', { class: `message is-${kind}`, 'data-same': same }, icon(ICONS[kind]), content, act, shut);
    host.append(element);
    while (host.children.length > MOST) host.firstChild.remove();
    if (LASTS_MS[kind]) dismissLater(element, LASTS_MS[kind]);
  }

  /** Tells something. */
  function say(key, vars = {}, { kind = 'info', action } = {}) {
    announce(t(key, vars));
    put(h('p', { class: 'message-text', t: key, vars }), kind, action, `${key} ${JSON.stringify(vars)}`);
  }

  /** Tells a problem; what is no problem of ours is thrown on. @param {unknown} problem */
  function tell(problem, { retry } = {}) {
    if (isAbort(problem)) return;
    if (problem?.kind === undefined) throw problem;
    const { key, vars } = wordsFor(problem);
    announce(t(key, vars));
    const small = problem.detail && problem.status ? h('small', { lang: 'en' }, problem.detail) : null;
    const content = h('div', { class: 'message-text' }, h('p', { t: key, vars }), small);
    put(content, 'error', retry && { textKey: 'shell.retry', run: retry }, key);
  }

  return { say, tell, announce };
}

function dismissLater(element, ms) {
  let timer = setTimeout(() => element.remove(), ms);
  const hold = () => clearTimeout(timer);
  const go = () => (timer = setTimeout(() => element.remove(), ms / 2));
  for (const name of ['pointerenter', 'focusin']) element.addEventListener(name, hold);
  for (const name of ['pointerleave', 'focusout']) element.addEventListener(name, go);
}
