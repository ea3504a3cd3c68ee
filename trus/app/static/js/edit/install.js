/** Editing, put into the page: tools, commands, sections, the clock, and what is kept. */

import { Autosave } from '../autosave.js';
import { commandButton } from '../controls.js';
import { installStoragePanel, timeText } from '../storage/panel.js';
import { installBrushes } from '../tools/brush.js';
import { installFragment } from '../tools/fragment.js';
import { installNudge } from '../tools/nudge.js';
import { installPolygon } from '../tools/polygon.js';
import { watchActivity } from './activity.js';
import { recallAnnotator } from './annotator.js';
import { installEditCommands } from './commands.js';
import { askAnnotator, installEditPanel } from './panel.js';
import { Thresholds } from './threshold.js';

/**
 * Keys of the store: the class that tools change (null: the first), radii in frame px, who corrects, seconds spent on the
 * frame shown, what is kept.
 */
const INITIAL = {
  activeClass: null, brushRadius: 12, nudgeRadius: 40, smoothRadius: 2, annotator: '', activeSeconds: 0, autosave: {},
};

/** Before the page is built. @param {object} app whose `autosave` it makes */
export function installEditing(app) {
  app.store.set(INITIAL);
  app.thresholds = new Thresholds(app);
  app.autosave = new Autosave(app);
  recallAnnotator(app);
  installBrushes(app);
  installPolygon(app);
  installNudge(app);
  installFragment(app);
  installEditCommands(app);
  installEditPanel(app);
  installStoragePanel(app);
  watchActivity(app);
  askAnnotator(app);
  document.getElementById('history').append(commandButton('edit.undo'), commandButton('edit.redo'));
}

/** When the page is built: the work of the last visit comes back. @param {object} app */
export async function takeUpWork(app) {
  const restored = await app.autosave.start();
  if (!restored?.frames) return;
  app.messages.say('edit.restored', { n: restored.frames, time: timeText(restored.at) }, {
    kind: 'success',
    action: { textKey: 'edit.storage.afresh', run: () => app.autosave.startAfresh() },
  });
  if (restored.lost) app.messages.say('edit.restored-lost', { n: restored.lost }, { kind: 'warning' });
}
