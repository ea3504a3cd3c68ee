/** Exports and the report, put into the page. */

import { commandButton } from '../controls.js';
import { h } from '../dom.js';
import { register } from '../keyboard.js';
import { registerPanel } from '../panels/registry.js';
import { openReport } from '../report/open.js';
import { openExport } from './dialog.js';
import { framesOf } from './formats.js';

/** @param {object} app */
export function installExport(app) {
  const group = 'export';
  const any = () => framesOf(app, 'all').length > 0;
  const shown = () => framesOf(app, 'shown').length > 0;
  register({ id: 'export.open', textKey: 'export.open', icon: 'export', keys: ['ctrl+e'], group, when: any, run: () => openExport(app) });
  register({ id: 'report.open', textKey: 'export.report', icon: 'print', keys: ['ctrl+p'], group, when: shown, run: () => openReport(app) });
  registerPanel({ id: 'export', textKey: 'export.panel', order: 30, tab: 'all', build: buildExportPanel });
}

function buildExportPanel(host) {
  const buttons = ['table.open', 'export.open', 'report.open'].map((id) => commandButton(id, { text: true, class: 'is-wide' }));
  host.append(h('div', { class: 'stack' }, ...buttons));
}
