/** Taking frames off the list; they can be brought back. */

import { removeAction } from '../edit/actions.js';
import { register } from '../keyboard.js';

/** @param {object} app */
export function installRemoving(app) {
  register({
    id: 'frame.remove',
    textKey: 'shell.remove-frame',
    keys: ['delete'],
    icon: 'trash',
    group: 'frames',
    when: () => Boolean(app.frames.selected),
    run: () => removeFrames(app, [app.frames.selected.id]),
  });
}

/** Takes frames off the list, as one step of the history. @param {string[]} ids */
export function removeFrames(app, ids) {
  app.history.run(removeAction(app, ids, 'shell.history-remove'));
  app.say('shell.removed', { n: ids.length }, { action: { textKey: 'shell.undo', run: () => app.history.undo() } });
}
