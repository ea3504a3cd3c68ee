/** The form of the export dialog. */

import { h } from '../dom.js';
import { FORMATS, SCOPES, framesOf } from './formats.js';

/**
 * @param {object} app
 * @param {import('./dialog.js').Choice} choice changed in place
 * @param {() => void} changed
 * @returns {HTMLElement & {wanted: () => {formats: import('./formats.js').Format[], folder: boolean}}}
 */
export function buildForm(app, choice, changed) {
  const folder = app.store.get().session?.save_folder ?? null;
  const frames = () => framesOf(app, choice.scope, choice.chosen);
  const fits = (format) => frames().some((item) => format.when?.(item) ?? true);
  const boxes = FORMATS.map((format) => formatBox(format, choice, () => refresh()));
  const accept = check('export.acceptText', choice.acceptText, (value) => (choice.acceptText = value));
  const into = folder ? check('export.folder', choice.folder, (value) => ((choice.folder = value), refresh()), { folder }) : null;
  const refresh = () => {
    boxes.forEach(({ input, format }) => (input.disabled = !fits(format)));
    accept.element.hidden = !choice.folder && !choice.formats.has('manifest');
    changed();
  };
  const scopes = SCOPES.filter((scope) => choice.chosen || scope !== 'chosen');
  const elements = (wanted) => boxes.filter(({ format }) => wanted(format)).map(({ element }) => element);
  const form = h(
    'div',
    { class: 'export-form' },
    group('export.which', 'export-scopes', ...scopes.map((scope) => scopeRadio(app, scope, choice, refresh))),
    group('export.what', 'export-formats', ...elements((format) => !format.training)),
    group('export.training', 'export-training', ...elements((format) => format.training), into?.element, accept.element),
    h('div', { class: 'export-fields' }, annotatorField(app), patientField(choice)),
  );
  form.wanted = () => ({
    formats: FORMATS.filter((format) => choice.formats.has(format.id) && fits(format)),
    folder: Boolean(folder) && choice.folder,
  });
  boxes.forEach(({ input, format }) => (input.disabled = !fits(format)));
  accept.element.hidden = !choice.folder && !choice.formats.has('manifest');
  return form;
}

function group(textKey, names, ...children) {
  return h('fieldset', { class: `group ${names}` }, h('legend', { t: textKey }), ...children);
}

function scopeRadio(app, scope, choice, refresh) {
  const n = framesOf(app, scope, choice.chosen).length;
  const input = h('input', { type: 'radio', name: 'export-scope', value: scope, on: { change: () => ((choice.scope = scope), refresh()) } });
  input.checked = choice.scope === scope;
  return h('label', { class: 'choice' }, input, h('span', { t: `export.scope.${scope}`, vars: { n } }));
}

function formatBox(format, choice, refresh) {
  const input = h('input', { type: 'checkbox', value: format.id });
  input.checked = choice.formats.has(format.id);
  input.addEventListener('change', () => {
    choice.formats[input.checked ? 'add' : 'delete'](format.id);
    refresh();
  });
  const words = h('span', {}, h('strong', { t: `export.format.${format.id}` }), h('small', { t: `export.about.${format.id}` }));
  return { format, input, element: h('label', { class: 'choice' }, input, words) };
}

function check(textKey, value, change, vars) {
  const input = h('input', { type: 'checkbox', on: { change: () => change(input.checked) } });
  input.checked = value;
  return { element: h('label', { class: 'choice' }, input, h('span', { t: textKey, vars })) };
}

function annotatorField(app) {
  const input = h('input', { type: 'text', class: 'text-field', maxlength: 200, autocomplete: 'off' });
  input.value = app.store.get().annotator ?? '';
  input.addEventListener('change', () => app.store.set({ annotator: input.value.trim() }));
  return field('export.annotator', 'export.annotator.help', input);
}

function patientField(choice) {
  const input = h('input', { type: 'text', class: 'text-field', maxlength: 200, autocomplete: 'off' });
  input.value = choice.patientId;
  input.addEventListener('input', () => (choice.patientId = input.value.trim()));
  return field('export.patient', 'export.patient.help', input);
}

function field(textKey, helpKey, input) {
  return h('label', { class: 'field-column' }, h('span', { t: textKey }), input, h('small', { class: 'hint', t: helpKey }));
}
