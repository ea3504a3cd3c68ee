/** The parts of the application, in the order of their commands and sections. */

import { installBatch } from './batch/install.js';
import { installExport } from './export/install.js';
import { installEditing } from './edit/install.js';
import { installIntake } from './files/intake.js';
import { installHelp } from './help.js';
import { installMeasure } from './measure/install.js';
import { installClasses } from './panels/classes.js';
import { installLayers } from './panels/layers.js';
import { installModelChooser } from './panels/model.js';
import { installNotes } from './panels/notes.js';
import { Player } from './player.js';
import { installTable } from './table/view.js';
import { installViewTools } from './tools/view_tools.js';
import { installCompare } from './viewer/compare.js';
import { installDisplayCommands } from './viewer/display.js';
import { installReference } from './viewer/reference.js';
import { installSegmenting } from './working.js';

/** @param {object} app */
export function installParts(app) {
  installIntake(app);
  installModelChooser(app);
  app.player = new Player(app);
  installDisplayCommands(app);
  installViewTools(app);
  installEditing(app);
  installSegmenting(app);
  installClasses(app);
  installLayers(app);
  installReference(app);
  installCompare(app);
  installNotes(app);
  installMeasure(app);
  installBatch(app);
  installTable(app);
  installExport(app);
  installHelp(app);
}
