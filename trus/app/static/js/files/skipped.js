/** What could not be opened, and why. */

import { openDialog } from '../dialog.js';
import { h } from '../dom.js';
import { wordsFor } from '../messages.js';

const LISTED = 200;

/** @param {object} app @param {{name: string, file: File, problem: import('../api.js').Problem}[]} skipped */
export function showSkipped(app, skipped) {
  const rows = skipped.slice(0, LISTED).map(({ name, problem }) => {
    const { key, vars } = wordsFor(problem);
    const small = problem.detail && problem.status ? h('small', { class: 'hint', lang: 'en' }, problem.detail) : null;
    return h('li', {}, h('strong', { translate: 'no' }, name), h('span', { t: key, vars }), small);
  });
  const again = skipped.filter(({ problem }) => problem.status === 0 || problem.status === 429 || problem.status >= 500);
  const retry = { textKey: 'shell.retry', primary: true, run: () => app.opening.open(again.map(({ file }) => file)) };
  app.messages.announce(String(skipped.length));
  openDialog({
    titleKey: 'shell.skipped',
    vars: { n: skipped.length },
    body: h('div', {}, h('p', { class: 'hint', t: 'shell.skipped-help' }), h('ul', { class: 'skipped' }, ...rows)),
    actions: [...(again.length ? [retry] : []), { textKey: 'shell.close', run: () => undefined }],
  });
}
