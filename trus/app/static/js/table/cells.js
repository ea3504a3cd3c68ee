/** Cells of the table of results. */

import { h } from '../dom.js';
import { number, percent, t } from '../i18n.js';
import { icon } from '../icons.js';
import { markOf, quantity } from '../measure/words.js';

/**
 * @typedef {object} Column
 * @property {string} key by which it is sorted
 * @property {string} textKey
 * @property {Record<string, string>} [vars]
 * @property {string} width of CSS grid
 * @property {(row: import('./rows.js').Row) => (string|Node)} cell
 * @property {boolean} [figure] written to the right
 */

/** The columns for these rows: two a class that any of them has. @param {import('./rows.js').Row[]} rows @returns {Column[]} */
export function columnsOf(rows) {
  const classes = [...new Set(rows.flatMap((row) => [...row.shapes.keys()]))];
  const column = (key, width, cell, figure = true) => ({ key, textKey: `batch.column.${key}`, width, cell, figure });
  return [
    column('position', '52px', (row) => number(row.position + 1)),
    column('name', 'minmax(120px, 1fr)', (row) => h('span', { translate: 'no' }, row.item.name), false),
    column('status', '100px', statusCell, false),
    column('confidence', '110px', (row) => share(row.confidence)),
    column('warnings', '100px', (row) => (row.warnings ? number(row.warnings) : '')),
    ...classes.flatMap(classColumns),
    column('corrected', '92px', (row) => (row.corrected ? t('batch.yes') : ''), false),
    column('annotator', '92px', (row) => row.item.annotator, false),
    column('seconds', '68px', (row) => duration(row.item.seconds)),
  ];
}

function classColumns(name) {
  const shape = (row) => row.shapes.get(name);
  const area = (row) => (shape(row)?.pixels ? quantity(shape(row).area, shape(row).areaUnit) + markOf(shape(row)) : '');
  const widest = (row) => (shape(row)?.pixels ? quantity(shape(row).widest.length, shape(row).unit) + markOf(shape(row)) : '');
  const vars = { name };
  return [
    { key: `area:${name}`, textKey: 'batch.column.area', vars, width: '118px', cell: area, figure: true },
    { key: `widest:${name}`, textKey: 'batch.column.widest', vars, width: '106px', cell: widest, figure: true },
  ];
}

/** @param {Column} column @param {import('./rows.js').Order} order @param {() => void} sort */
export function headCell(column, order, sort) {
  const sorted = order.key !== column.key ? 'none' : order.descending ? 'descending' : 'ascending';
  const mark = sorted === 'none' ? null : h('span', { 'aria-hidden': 'true' }, sorted === 'ascending' ? '▲' : '▼');
  const name = h('span', { class: 'head-name', t: column.textKey, tTitle: column.textKey, vars: column.vars });
  const press = h('button', { type: 'button', class: 'head-button', on: { click: sort } }, name, mark);
  return h('div', { role: 'columnheader', 'aria-sort': sorted, class: column.figure ? 'is-figure' : '' }, press);
}

/** @param {import('./rows.js').Row} row @param {Column[]} columns */
export function rowElement(row, columns, { index, current }) {
  const cells = columns.map((column) => {
    const cell = h('div', { role: 'gridcell', class: column.figure ? 'is-figure' : '' }, column.cell(row));
    cell.title = cell.textContent; // for what is cut off
    return cell;
  });
  const names = `table-row ${current ? 'is-current' : ''} ${row.status === 'failed' ? 'is-failed' : ''}`;
  return h('div', { role: 'row', id: `row-${index}`, class: names, 'aria-rowindex': index + 2, 'aria-selected': String(current) }, ...cells);
}

const MARKS = { done: 'check', failed: 'warning' };

function statusCell({ status }) {
  return h('span', { class: `status-mark is-${status}` }, MARKS[status] ? icon(MARKS[status], 16) : null, h('span', {}, t(`batch.status.${status}`)));
}

function share(value) {
  return value === null ? '' : percent(value);
}

function duration(seconds) {
  if (!seconds) return '';
  return seconds < 60 ? t('batch.seconds', { n: Math.round(seconds) }) : t('batch.minutes', { n: Math.round(seconds / 60) });
}
