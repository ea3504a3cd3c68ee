/** The section of corrections: which class, what can be done to it, what was done. */

import { commandButton, refreshCommands, slider } from '../controls.js';
import { fill, h } from '../dom.js';
import { newId } from '../ids.js';
import { onLanguage, t } from '../i18n.js';
import { registerPanel } from '../panels/registry.js';
import { currentAnnotator, setAnnotator } from './annotator.js';
import { buildHistory } from './history_list.js';
import { chosenClass } from './stroke.js';
import { durationText, pixels } from './words.js';

const COMMANDS = ['holes', 'largest', 'copy-previous', 'copy-next', 'clear', 'model'];

/** @param {object} app */
export function installEditPanel(app) {
  registerPanel({
    id: 'edit',
    textKey: 'edit.panel',
    order: 15,
    tab: 'frame',
    build: (host) => build(host, app),
  });
  registerPanel({ id: 'history', textKey: 'edit.panel.history', order: 16, tab: 'frame', closed: true, build: (host) => buildHistory(host, app) });
}

function build(host, app) {
  const classes = classChooser(app);
  const smooth = smoothing(app);
  const commands = h('div', { class: 'edit-commands' }, ...COMMANDS.map((id) => commandButton(`edit.${id}`, { text: true, class: 'is-small' })));
  const who = annotatorField(app);
  const facts = h('p', { class: 'edit-facts' });
  host.append(classes.element, smooth, commands, who.element, facts);
  const refresh = () => {
    classes.refresh();
    facts.textContent = factsOf(app.frames.selected);
    refreshCommands();
  };
  app.frames.on('select', refresh);
  app.frames.on('item', (item) => item === app.frames.selected && refresh());
  app.view.onShown(refresh);
  app.store.on(['activeClass', 'colours', 'activeSeconds', 'modelName'], refresh);
  app.store.on('annotator', who.refresh);
  app.history.onChange(refresh);
  onLanguage(refresh);
  refresh();
}

/** Which class the tools change; one only: nothing to choose. */
function classChooser(app) {
  const element = h('div', { class: 'edit-classes', role: 'radiogroup', tLabel: 'edit.class' });
  const name = newId();
  let built = '';
  const choice = (label, k) => {
    const input = h('input', { type: 'radio', name, value: label, on: { change: () => app.store.set({ activeClass: label }) } });
    const swatch = h('span', { class: 'edit-swatch', 'aria-hidden': 'true', style: { background: app.colours.of(label, k) } });
    return h('label', { class: 'edit-choice' }, input, swatch, h('span', { translate: 'no' }, label));
  };
  const refresh = () => {
    const names = app.view.mask?.names ?? (app.models.get(app.store.get().modelName)?.targets ?? []).map((target) => target.name);
    const stamp = names.map((label, k) => `${label} ${app.colours.of(label, k)}`).join('\n');
    if (stamp !== built) fill(element, ...names.map(choice));
    built = stamp;
    element.hidden = names.length < 2;
    const chosen = names[chosenClass(app)];
    for (const input of element.querySelectorAll('input')) input.checked = input.value === chosen;
  };
  return { element, refresh };
}

function smoothing(app) {
  const value = h('output', { class: 'edit-radius' }, pixels(app.store.get().smoothRadius));
  const control = slider({
    labelKey: 'edit.smooth-radius',
    min: 0.5,
    max: 12,
    step: 0.5,
    value: app.store.get().smoothRadius,
    text: pixels,
    input: (radius) => app.store.set({ smoothRadius: radius }),
  });
  const refresh = () => (value.textContent = pixels(app.store.get().smoothRadius));
  app.store.on('smoothRadius', refresh);
  onLanguage(refresh);
  return h('div', { class: 'row' }, commandButton('edit.smooth', { text: true, class: 'is-small' }), control.element, value);
}

function annotatorField(app) {
  const input = h('input', { type: 'text', class: 'text-field grow', maxlength: 80, autocomplete: 'name', id: newId(), tPlaceholder: 'edit.annotator.empty' });
  input.addEventListener('change', () => setAnnotator(app, input.value));
  const refresh = () => (input.value = currentAnnotator(app));
  refresh();
  return { element: h('div', { class: 'row' }, h('label', { class: 'caption', for: input.id, t: 'edit.annotator' }), input), refresh };
}

function factsOf(item) {
  if (!item?.mask) return t('edit.facts.none');
  const time = item.seconds >= 1 ? t('edit.facts.time', { time: durationText(item.seconds) }) : '';
  const moved = item.mask.thresholds.some((threshold) => threshold !== null);
  const state = item.mask.forced ? 'corrected' : moved ? 'thresholds' : 'model';
  return [t(`edit.facts.${state}`), time].filter(Boolean).join(' · ');
}

/** Asks once, without a dialog in the way, who corrects. */
export function askAnnotator(app) {
  const stop = app.frames.on('item', (item, what) => {
    if (what !== 'edited' || !item.edited) return;
    stop();
    if (!currentAnnotator(app)) app.messages.say('edit.annotator.ask', {}, { kind: 'info', action: { textKey: 'edit.annotator.give', run: () => focusField() } });
  });
}

function focusField() {
  document.querySelector('[data-panel="edit"] .text-field')?.focus();
}
