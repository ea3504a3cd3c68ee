/** Dialogs over the page: the browser's own, so that focus stays inside and Escape closes. */

import { button } from './controls.js';
import { h } from './dom.js';
import { newId } from './ids.js';

const FOCUSABLE = 'button, a, input, select, textarea, [tabindex]';

/**
 * @param {{titleKey: string, vars?: object, body: Element, wide?: boolean, onClose?: () => void,
 *   actions?: {textKey: string, run: () => (unknown|false), primary?: boolean, danger?: boolean}[]}} options an action
 *   closes the dialog unless it returns false
 * @returns {{close: () => void, element: HTMLDialogElement}}
 */
export function openDialog({ titleKey, vars, body, wide = false, onClose, actions = [] }) {
  const title = h('h2', { class: 'dialog-title', t: titleKey, vars, id: `title-${newId()}` });
  const close = () => element.close();
  const shut = button({ titleKey: 'shell.close', icon: 'close', run: close });
  const buttons = actions.map((action) =>
    button({
      textKey: action.textKey,
      class: action.primary ? 'is-primary' : action.danger ? 'is-danger' : '',
      run: () => action.run() !== false && close(),
    }),
  );
  const element = h(
    'dialog',
    { class: `dialog ${wide ? 'is-wide' : ''}`, 'aria-labelledby': title.id },
    h('header', { class: 'dialog-head' }, title, shut),
    h('div', { class: 'dialog-body', tabindex: body.querySelector(FOCUSABLE) ? null : 0 }, body),
    buttons.length ? h('footer', { class: 'dialog-foot' }, ...buttons) : null,
  );
  element.addEventListener('close', () => (element.remove(), onClose?.()));
  element.addEventListener('click', (event) => event.target === element && close());
  document.body.append(element);
  element.showModal();
  return { close, element };
}
