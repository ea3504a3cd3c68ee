/** The model that is used: chooser, what is known of it, loading of others. */

import { button } from '../controls.js';
import { fill, h } from '../dom.js';
import { currentLanguage, number, onLanguage, t } from '../i18n.js';
import { icon } from '../icons.js';
import { openDialog } from '../dialog.js';
import { register } from '../keyboard.js';

/** @param {object} app */
export function installModelChooser(app) {
  register({ id: 'model.choose', textKey: 'shell.model-choose', keys: ['alt+m'], icon: 'chip', group: 'file', run: () => openModels(app) });
}

/** @param {object} app */
export function buildModelChooser(app) {
  const name = h('span', { class: 'model-name', translate: 'no' });
  const synthetic = h('span', { class: 'badge is-warning', t: 'shell.synthetic', tTitle: 'shell.synthetic-help', hidden: true });
  const element = h(
    'button',
    { type: 'button', class: 'model-button', 'aria-haspopup': 'dialog', tTitle: 'shell.model-choose', on: { click: () => openModels(app) } },
    icon('chip', 18), h('span', { class: 'caption', t: 'shell.model' }), name, synthetic, icon('down', 16),
  );
  const show = () => {
    const { modelName, loadingModel } = app.store.get();
    if (loadingModel) name.textContent = t('shell.model-loading', { name: loadingModel.name });
    else name.textContent = modelName ?? t('shell.model-none');
    synthetic.hidden = !app.models.get(modelName)?.synthetic;
    element.classList.toggle('is-missing', !modelName);
  };
  app.store.on(['modelName', 'session', 'loadingModel'], show);
  onLanguage(show);
  show();
  return element;
}

/** The dialog with all models. @param {object} app */
export function openModels(app) {
  const list = h('div', { class: 'model-list' });
  const input = h('input', { type: 'file', accept: '.onnx', hidden: true, 'aria-hidden': 'true', tabindex: -1 });
  input.addEventListener('change', () => input.files.length && app.models.send(input.files[0]));
  const body = h('div', { class: 'models' }, list, input);
  const show = () => {
    const { session, modelName, loadingModel } = app.store.get();
    const loaded = (session?.models ?? []).map((model) => modelCard(app, model, model.name === modelName));
    const others = (session?.found ?? []).map((found) => foundCard(app, found, loadingModel));
    fill(list, ...loaded, loadingModel && loadingRow(loadingModel));
    if (!loaded.length && !loadingModel) list.append(h('p', { class: 'hint', t: 'shell.models-none' }));
    if (others.length) list.append(h('h3', { class: 'small-head', t: 'shell.models-found' }), ...others);
    if (session?.local) list.append(fileRow(input));
  };
  const ends = [app.store.on(['session', 'modelName', 'loadingModel'], show), onLanguage(show)];
  show();
  openDialog({ titleKey: 'shell.models', body, wide: true, onClose: () => ends.forEach((end) => end()) });
}

function fileRow(input) {
  const open = button({ textKey: 'shell.model-file', icon: 'open', run: () => input.click() });
  return h('div', { class: 'row' }, h('p', { class: 'hint grow', t: 'shell.model-file-help' }), open);
}

function loadingRow({ name, cancel }) {
  return h('div', { class: 'model-card' }, h('div', { class: 'row' }, h('span', { class: 'grow', t: 'shell.model-loading', vars: { name } }), button({ textKey: 'shell.cancel', run: cancel })));
}

function foundCard(app, found, loading) {
  const load = button({ textKey: 'shell.model-load', run: () => app.models.load(found) });
  load.disabled = Boolean(loading);
  const size = number(found.bytes / 1048576, { maximumFractionDigits: 0 });
  return h(
    'div',
    { class: 'model-card' },
    h('div', { class: 'row' },
      h('strong', { translate: 'no' }, found.name),
      found.synthetic && h('span', { class: 'badge is-warning', t: 'shell.synthetic', tTitle: 'shell.synthetic-help' }),
      h('span', { class: 'grow' }), h('span', { class: 'caption', t: 'shell.megabytes', vars: { size } }), load),
    h('p', { class: 'hint', translate: 'no' }, [found.description, found.created && dateText(found.created), found.folder].filter(Boolean).join(' · ')),
  );
}

function modelCard(app, model, chosen) {
  const use = button({ textKey: chosen ? 'shell.model-used' : 'shell.model-use', class: chosen ? 'is-on' : '', icon: chosen ? 'check' : undefined, run: () => app.models.choose(model.name) });
  use.setAttribute('aria-pressed', String(chosen));
  return h(
    'article',
    { class: `model-card ${chosen ? 'is-chosen' : ''}` },
    h('div', { class: 'row' },
      h('strong', { translate: 'no' }, model.name),
      model.synthetic && h('span', { class: 'badge is-warning', t: 'shell.synthetic', tTitle: 'shell.synthetic-help' }),
      h('span', { class: 'grow' }), use),
    h('dl', { class: 'facts' }, ...factsOf(model).flatMap(([key, text]) => [h('dt', { t: key }), h('dd', { translate: 'no' }, text)])),
  );
}

const dateText = (iso) => new Date(iso).toLocaleDateString(currentLanguage(), { dateStyle: 'medium' });

/** What is known of a model, as pairs of a text's key and words. */
export function factsOf(model) {
  const targets = model.targets.map((target) => `${target.name} ≥ ${number(target.threshold, { maximumFractionDigits: 2 })}`).join(', ');
  const [, height, width] = model.input_shape;
  const { data } = model;
  return [
    ['shell.fact-classes', targets],
    ['shell.fact-score', scoreText(model.score)],
    ['shell.fact-input', `${width} × ${height}`],
    ['shell.fact-data', data.patients ? t('shell.fact-data-text', { frames: data.frames, patients: data.patients }) : t('shell.fact-data-ungrouped', { frames: data.frames })],
    ...(model.created ? [['shell.fact-created', dateText(model.created)]] : []),
    ['shell.fact-sources', (data.sources ?? []).join(', ')],
    ['shell.fact-licence', [...new Set([...(data.licences ?? []), model.licence_note])].filter(Boolean).join(' · ')],
    ['shell.fact-hash', model.sha256],
  ];
}

function scoreText(score) {
  if (!score || score.value === null || score.value === undefined) return t('shell.score-none');
  const digits = (value) => number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const interval = score.low === null ? '' : ` (${digits(score.low)}–${digits(score.high)})`;
  return t('shell.score', { value: digits(score.value) + interval, frames: score.frames, part: t(`shell.part-${score.part}`) });
}
