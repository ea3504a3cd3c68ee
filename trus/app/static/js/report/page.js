/** The page of a report: asks the application that opened it for the content, writes it, prints it. */

import { button } from '../controls.js';
import { fill, h } from '../dom.js';
import { hasText, loadTexts, number, onLanguage, percent, setLanguage, t } from '../i18n.js';
import { noteText } from '../notes.js';
import { figure, markOf, quantity, row, scaleNote, spacingText } from '../measure/words.js';

const MOST_MEASUREMENTS = 12;

async function start() {
  await loadTexts();
  setLanguage(navigator.language.startsWith('ru') ? 'ru' : 'en');
  const sheet = document.getElementById('sheet');
  window.addEventListener('message', ({ data, source, origin }) => {
    if (source !== window.opener || origin !== location.origin || data?.kind !== 'report') return;
    show(sheet, data.report);
    setLanguage(data.language);
  });
  fill(sheet, h('p', { class: 'waiting', t: window.opener ? 'export.report.waiting' : 'export.report.lost' }));
  window.opener?.postMessage('report-ready', location.origin);
}

function show(sheet, report) {
  const picture = h('img', { class: 'picture', src: URL.createObjectURL(report.picture), tLabel: 'export.report.picture' });
  picture.alt = '';
  const typed = { patient: textField('export.report.patient'), remarks: remarksField() };
  const render = () => {
    document.title = `${t('export.report.title')} – ${report.name}`;
    fill(
      sheet,
      head(report),
      h('div', { class: 'who' }, typed.patient.element, fact('export.report.frame', report.name), fact('export.report.date', dateText(report.date))),
      h('div', { class: 'picture-box' }, picture),
      classTable(report),
      handTable(report),
      typed.remarks.element,
      provenance(report),
      h('footer', {}, h('p', {}, t('export.report.statement')), h('p', {}, `trus ${report.version}`)),
    );
  };
  onLanguage(render);
  const print = button({ textKey: 'export.report.print', icon: 'print', class: 'is-primary', run: () => window.print() });
  fill(document.getElementById('bar'), languageButtons(), print);
}

function languageButtons() {
  const one = (code, name) => h('button', { type: 'button', class: 'button', lang: code, on: { click: () => setLanguage(code) } }, name);
  return h('div', { class: 'row' }, one('en', 'English'), one('ru', 'Русский'));
}

function head() {
  return h('header', {}, h('h1', {}, t('export.report.title')), h('p', { class: 'research' }, t('export.report.research')));
}

function textField(textKey) {
  const input = h('input', { type: 'text', autocomplete: 'off', maxlength: 80 });
  return { element: h('label', { class: 'fact' }, h('span', { t: textKey }), input) };
}

function remarksField() {
  const input = h('textarea', { rows: 2, maxlength: 400 });
  return { element: h('label', { class: 'remarks' }, h('span', { t: 'export.report.remarks' }), input) };
}

function fact(key, text) {
  return h('div', { class: 'fact' }, h('span', {}, t(key)), h('strong', { translate: 'no' }, text));
}

function dateText(date) {
  return new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' }).format(date);
}

function table(keys, rows) {
  const heads = keys.map((key) => h('th', { scope: 'col' }, t(key)));
  return h('table', {}, h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows));
}

function classTable({ classes, scale }) {
  const figures = ['class', 'area', 'perimeter', 'diameters'].map((each) => `measure.column.${each}`);
  const keys = [...figures, 'export.report.probability', 'export.report.threshold'];
  const others = classes.filter((each) => each.pixels && (scale.spacing || each.unit === 'mm'));
  const notes = [scale.spacing ? scaleText(scale) : t('measure.spacing.none'), noteText(scale.detail), ...others.map(scaleNote)];
  const said = [...new Set(notes.filter(Boolean))].join(' ');
  return h('section', {}, h('h2', {}, t('export.report.classes')), table(keys, classes.map(classRow)), h('p', { class: 'note' }, said));
}

function classRow(shape) {
  const name = h('th', { scope: 'row' }, h('span', { class: 'dot', style: { '--dot': shape.colour } }), shape.name);
  if (!shape.pixels) return h('tr', {}, name, h('td', { colspan: 4 }, t('measure.empty')), h('td', {}, threshold(shape)));
  const parts = shape.parts > 1 ? ` (${t('measure.parts', { n: shape.parts })})` : '';
  const mark = markOf(shape);
  const across = `${figure(shape.widest.length, shape.unit)} × ${quantity(shape.across.length, shape.unit)}${mark}${parts}`;
  const sizes = [quantity(shape.area, shape.areaUnit) + mark, quantity(shape.perimeter, shape.unit) + mark, across];
  const cells = [...sizes, shape.probability === null ? '–' : percent(shape.probability), threshold(shape)];
  return h('tr', {}, name, ...cells.map((cell) => h('td', {}, cell)));
}

function threshold(shape) {
  return number(shape.threshold, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function scaleText({ spacing, source }) {
  return `${spacingText(spacing)} (${t(`measure.spacing.${source}`)}).`;
}

function handTable({ measurements }) {
  if (!measurements.length) return null;
  const volumes = measurements.some((each) => each.axes.length);
  const rows = measurements.slice(0, MOST_MEASUREMENTS).map((each) => handRow(each, volumes));
  const more = measurements.length - rows.length;
  const notes = [...new Set(measurements.map((each) => scaleNote(each.scale)))].filter(Boolean);
  if (more > 0) notes.push(t('export.report.more', { n: more }));
  const rest = notes.length ? h('p', { class: 'note' }, notes.join(' ')) : null;
  const keys = ['measure', 'value', ...(volumes ? ['origin'] : [])].map((each) => `export.report.${each}`);
  return h('section', {}, h('h2', {}, t('export.report.byHand')), table(keys, rows), rest);
}

function handRow(each, volumes) {
  const name = `${each.number ? `${each.number} · ` : ''}${t(`measure.type.${each.type}`)}`;
  const values = each.rows.map((one) => row(one) + markOf(each.scale)).join(' · ');
  return h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, values), volumes && h('td', {}, originText(each)));
}

/** A volume shows the lengths that it was made of, and where they were measured. */
function originText({ axes }) {
  const lengths = axes.map(({ length, name, number: place }) => `${quantity(length, 'mm')} (${place ? `${place}: ${name}` : '–'})`);
  return lengths.length ? `π/6 × ${lengths.join(' × ')}` : '';
}

function provenance({ model, corrected, annotator, warnings }) {
  const facts = [
    ['export.report.model', model.synthetic ? `${model.name} (${t('export.report.synthetic')})` : model.name],
    ['export.report.hash', model.sha256],
    ['export.report.mask', t(corrected ? 'export.report.corrected' : 'export.report.uncorrected')],
    ['export.report.annotator', annotator || '–'],
  ];
  const list = h('dl', { class: 'facts' }, ...facts.flatMap(([key, text]) => [h('dt', {}, t(key)), h('dd', { translate: 'no' }, text)]));
  const signs = warnings.map(({ code, detail }) => (hasText(`viewer.warning-${code}`) ? t(`viewer.warning-${code}`) : detail));
  const warned = signs.length ? h('p', { class: 'note' }, t('export.report.warnings', { signs: signs.join('; ') })) : null;
  return h('section', {}, list, warned);
}

start();
