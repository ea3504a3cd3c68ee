/** Logging out of a clinic's server: the next one at this computer would see what the browser keeps. */

import { openDialog } from '../dialog.js';
import { h } from '../dom.js';

/** Asks what becomes of the saved work, then leaves. @param {object} app @param {() => void} leave */
export async function askAndLeave(app, leave) {
  const kept = app.frames.list.length + (await app.autosave.earlier()).length;
  if (!kept) return leave();
  openDialog({
    titleKey: 'edit.leave.title',
    body: h('p', { t: app.autosave.keeps ? 'edit.leave.text' : 'edit.leave.text-nothing' }),
    actions: [
      { textKey: 'edit.purge.cancel', run: () => undefined },
      app.autosave.keeps && { textKey: 'edit.leave.keep', run: () => void app.autosave.flush().then(leave) },
      { textKey: 'edit.leave.delete', primary: true, run: () => void app.autosave.purge().then(leave) },
    ].filter(Boolean),
  });
  return undefined;
}
