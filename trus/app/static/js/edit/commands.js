/** Commands of editing: each of them is one step of the history. */

import { register } from '../keyboard.js';
import { allButLargest, holes } from '../mask/components.js';
import { bounds, cut, whole } from '../mask/box.js';
import { smoothed } from '../mask/smooth.js';
import { resize } from './sizes.js';
import { canEdit, editOnce } from './stroke.js';

/** @param {object} app */
export function installEditCommands(app) {
  const { history } = app;
  const able = () => canEdit(app);
  command('undo', 'undo', ['ctrl+z'], () => history.canUndo, () => history.undo());
  command('redo', 'redo', ['ctrl+shift+z', 'ctrl+y'], () => history.canRedo, () => history.redo());
  command('holes', 'fillHoles', ['shift+f'], able, () => fillHoles(app));
  command('largest', 'keepOne', ['shift+k'], able, () => keepLargest(app));
  command('smooth', 'smooth', ['s'], able, () => smooth(app));
  command('model', 'reset', ['shift+m'], able, () => editOnce(app, 'edit.history.model', (mask) => mask.reset(), {}));
  command('clear', 'trash', ['shift+delete'], able, () => clear(app));
  command('copy-previous', 'copy', ['shift+,'], () => able() && Boolean(neighbour(app, -1)), () => copyFrom(app, -1));
  command('copy-next', 'copy', ['shift+.'], () => able() && Boolean(neighbour(app, 1)), () => copyFrom(app, 1));
  command('smaller', 'minus', ['['], () => canEdit(app), () => resize(app, sizeKey(app), -1));
  command('larger', 'plus', [']'], () => canEdit(app), () => resize(app, sizeKey(app), 1));
  command('next-class', undefined, ['x'], () => canEdit(app), () => nextClass(app));
}

function command(id, icon, keys, when, run) {
  register({ id: `edit.${id}`, textKey: `edit.command.${id}`, icon, keys, group: 'edit', when, run });
}

const sizeKey = (app) => (app.store.get().toolId === 'nudge' ? 'nudgeRadius' : 'brushRadius');

function fillHoles(app) {
  const done = editOnce(app, 'edit.history.holes', (mask, k) => {
    const patch = holes(mask.plane(k), mask.width, mask.height);
    if (patch) mask.paint(k, patch, true);
  });
  if (!done) app.messages.say('edit.nothing.holes');
}

function keepLargest(app) {
  const done = editOnce(app, 'edit.history.largest', (mask, k) => {
    const patch = allButLargest(mask.plane(k), mask.width, mask.height);
    if (patch) mask.paint(k, patch, false);
  });
  if (!done) app.messages.say('edit.nothing.largest');
}

function smooth(app) {
  const radius = app.store.get().smoothRadius;
  const done = editOnce(app, 'edit.history.smooth', (mask, k) => {
    const patch = smoothed(mask.plane(k), mask.width, mask.height, radius);
    if (patch) mask.replace(k, patch);
  });
  if (!done) app.messages.say('edit.nothing.smooth');
}

function clear(app) {
  editOnce(app, 'edit.history.clear', (mask, k) => {
    const box = bounds(mask.plane(k), mask.width, mask.height);
    if (box) mask.paint(k, { box, data: cut(mask.plane(k), mask.width, box) }, false);
  });
}

/** The frame before or after it in the same clip, where it has a mask. */
function neighbour(app, step) {
  const { selected } = app.frames;
  const frames = selected ? app.frames.ofFile(selected.fileId) : [];
  const other = frames[frames.indexOf(selected) + step];
  return other?.mask ? other : null;
}

/** The chosen class as it is in the frame beside it. */
function copyFrom(app, step) {
  const other = neighbour(app, step).mask;
  editOnce(app, 'edit.history.copy', (mask, k) => {
    const from = other.names.indexOf(mask.names[k]);
    if (from < 0 || other.length !== mask.length) return;
    mask.replace(k, { box: whole(mask.width, mask.height), data: other.plane(from).slice() });
  });
}

function nextClass(app) {
  const { names } = app.frames.selected.mask;
  const at = names.indexOf(app.store.get().activeClass);
  app.store.set({ activeClass: names[(Math.max(at, 0) + 1) % names.length] });
}
