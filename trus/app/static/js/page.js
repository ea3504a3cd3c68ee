/** Builds the parts of the page that every session has. */

import { refreshCommands } from './controls.js';
import { installRemoving } from './files/removing.js';
import { showSkipped } from './files/skipped.js';
import { Filmstrip } from './filmstrip.js';
import { buildBanner } from './panels/notes.js';
import { buildSide } from './panels/side.js';
import { buildPlayer } from './player.js';
import { buildStatus } from './statusline.js';
import { buildRail, buildToolOptions, buildViewButtons } from './toolbar.js';
import { buildTopbar } from './topbar.js';
import { describeView } from './viewer/description.js';
import { buildHeatLegend } from './viewer/heat_legend.js';
import { buildWelcome } from './welcome.js';
import { buildWorking } from './working.js';

const byId = (id) => document.getElementById(id);

/** @param {object} app with all its commands, tools and sections registered */
export function buildPage(app) {
  app.showSkipped = (skipped) => showSkipped(app, skipped);
  installRemoving(app);
  buildTopbar(byId('topbar'), app);
  buildRail(byId('rail'), app);
  buildToolOptions(byId('tool-options'), app);
  buildViewButtons(byId('view-buttons'), app);
  buildSide(byId('side'), app);
  buildPlayer(byId('player'), app);
  new Filmstrip(byId('filmstrip'), app);
  buildStatus(byId('status'), app);
  buildBanner(byId('banner'), app);
  buildWelcome(byId('welcome'), app);
  buildWorking(byId('working'), app);
  buildHeatLegend(app);
  describeView(app);
  app.onPage?.forEach((build) => build(app));
  for (const name of ['select', 'list', 'item']) app.frames.on(name, refreshCommands);
  app.view.onShown(refreshCommands);
  app.history.onChange(refreshCommands);
}
