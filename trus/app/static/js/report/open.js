/** Opening the report of the shown frame: a page of its own that asks this one for what to print. */

import { currentLanguage } from '../i18n.js';
import { describe } from './content.js';

/** @param {object} app */
export function openReport(app) {
  const item = app.frames.selected;
  const page = window.open(new URL('../../report.html', import.meta.url), '_blank');
  if (!page) return app.say('export.report.blocked', {}, { kind: 'warning' });
  const made = describe(app, item);
  made.catch((problem) => (page.close(), app.tell(problem)));
  const answer = async (event) => {
    if (page.closed) return window.removeEventListener('message', answer);
    if (event.source !== page || event.origin !== location.origin || event.data !== 'report-ready') return undefined;
    return page.postMessage({ kind: 'report', language: currentLanguage(), report: await made }, location.origin);
  };
  window.addEventListener('message', answer);
  return undefined;
}
