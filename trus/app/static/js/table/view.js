/** The table of results: a dialog with filters, an order, and as many rows as there are frames. */

import { button } from '../controls.js';
import { openDialog } from '../dialog.js';
import { fill, h } from '../dom.js';
import { openExport } from '../export/dialog.js';
import { currentLanguage, t } from '../i18n.js';
import { chord, register } from '../keyboard.js';
import { columnsOf, headCell, rowElement } from './cells.js';
import { filterBar } from './filters.js';
import { measureAll } from '../measure/shape.js';
import { filterRows, rowOf, sortRows } from './rows.js';
import { VirtualRows } from './virtual.js';

const ROW_HEIGHT = 32;
const REFRESH_MS = 300;
const MOVES = { arrowup: -1, arrowdown: 1, home: -Infinity, end: Infinity };

/** @param {object} app */
export function installTable(app) {
  /** Order and filters stay for the next opening. */
  const state = { order: { key: 'position', descending: false }, filter: {}, current: 0 };
  const when = () => app.frames.list.length > 0;
  const run = () => new ResultsTable(app, state).open();
  register({ id: 'table.open', textKey: 'batch.table', icon: 'table', keys: ['shift+t'], group: 'batch', when, run });
}

class ResultsTable {
  #app;
  #state;
  #rows = [];
  #columns = [];
  #timer = 0;
  #ends = [];
  #control = new AbortController();

  constructor(app, state) {
    this.#app = app;
    this.#state = state;
  }

  open() {
    this.head = h('div', { class: 'table-head', role: 'row' });
    this.count = h('p', { class: 'hint', 'aria-live': 'polite' });
    this.nothing = h('p', { class: 'table-nothing', t: 'batch.table.nothing' });
    this.grid = h('div', { class: 'table-grid', role: 'grid', tabindex: 0, tLabel: 'batch.table', 'aria-multiselectable': 'false' });
    this.grid.append(h('div', { role: 'rowgroup', class: 'table-heads' }, this.head));
    this.rows = new VirtualRows(this.grid, { height: ROW_HEIGHT, build: (index) => this.#row(index) });
    this.grid.addEventListener('keydown', (event) => this.#key(event));
    const bar = filterBar(this.#app, this.#state.filter, () => this.#refresh(true));
    this.export = button({ textKey: 'batch.table.export', icon: 'export', class: 'is-small', run: () => this.#export() });
    const foot = h('div', { class: 'row' }, h('p', { class: 'hint grow', t: 'batch.table.help' }), this.count, this.export);
    const body = h('div', { class: 'table-body' }, bar, this.grid, this.nothing, foot);
    this.dialog = openDialog({ titleKey: 'batch.table', body, wide: true, onClose: () => this.#close() });
    this.dialog.element.classList.add('is-table');
    this.#listen();
    this.#measure();
    this.#state.current = 0;
    this.#refresh();
    this.#moveTo(Math.max(0, this.#rows.findIndex((row) => row.item === this.#app.frames.selected)));
    this.grid.focus();
  }

  #listen() {
    this.#ends = ['list', 'item'].map((event) => this.#app.frames.on(event, () => this.#soon()));
  }

  #soon() {
    this.#timer ||= setTimeout(() => this.#refresh(), REFRESH_MS);
  }

  /** Frames of an earlier visit, or whose scale was changed, have no figures yet. */
  #measure() {
    measureAll(this.#app.frames.list, this.#control.signal, () => this.#soon());
  }

  #close() {
    this.#control.abort();
    clearTimeout(this.#timer);
    this.#ends.forEach((end) => end());
  }

  /** Rows anew; the one that was current stays so unless the filter took it. */
  #refresh(fromTop = false) {
    this.#timer = 0;
    const { list } = this.#app.frames;
    const current = this.#rows[this.#state.current]?.item;
    const all = list.map(rowOf);
    const { order, filter } = this.#state;
    this.#rows = sortRows(filterRows(all, filter), order, new Intl.Collator(currentLanguage(), { numeric: true }));
    this.#columns = columnsOf(all);
    this.#state.current = fromTop ? 0 : Math.max(0, this.#rows.findIndex((row) => row.item === current));
    this.#renderHead(order);
    this.grid.style.setProperty('--columns', this.#columns.map((column) => column.width).join(' '));
    this.grid.setAttribute('aria-rowcount', String(this.#rows.length + 1));
    this.nothing.hidden = this.#rows.length > 0;
    this.export.disabled = !this.#rows.some((row) => row.item.mask);
    this.count.textContent = t('batch.table.count', { shown: this.#rows.length, n: list.length });
    this.rows.update(this.#rows.length);
    this.#announceCurrent();
  }

  /** The head anew; the button that has the focus keeps it. */
  #renderHead(order) {
    const buttons = () => [...this.head.querySelectorAll('button')];
    const focused = buttons().indexOf(document.activeElement);
    fill(this.head, ...this.#columns.map((column) => headCell(column, order, () => this.#sortBy(column.key))));
    buttons()[focused]?.focus();
  }

  /** The frames that pass the filters, in the order of the list. */
  #export() {
    const shown = new Set(this.#rows.map((row) => row.item));
    this.dialog.close();
    openExport(this.#app, this.#app.frames.list.filter((item) => shown.has(item)));
  }

  #sortBy(key) {
    const { order } = this.#state;
    this.#state.order = { key, descending: order.key === key && !order.descending };
    this.#refresh(true);
    this.rows.reveal(0);
  }

  #row(index) {
    const row = this.#rows[index];
    const element = rowElement(row, this.#columns, { index, current: index === this.#state.current });
    element.addEventListener('click', () => this.#show(row));
    return element;
  }

  #show(row) {
    this.#app.frames.select(row.item.id);
    this.dialog.close();
  }

  #key(event) {
    if (event.target !== this.grid) return;
    const pressed = chord(event);
    const step = MOVES[pressed] ?? { pagedown: this.rows.page, pageup: -this.rows.page }[pressed];
    if (step === undefined && pressed !== 'enter') return;
    event.preventDefault();
    if (pressed !== 'enter') this.#moveTo(this.#state.current + step);
    else if (this.#rows[this.#state.current]) this.#show(this.#rows[this.#state.current]);
  }

  #moveTo(index) {
    const before = this.#state.current;
    this.#state.current = Math.min(Math.max(index, 0), Math.max(this.#rows.length - 1, 0));
    this.rows.reveal(this.#state.current);
    this.rows.refresh(before);
    this.rows.refresh(this.#state.current);
    this.#announceCurrent();
  }

  #announceCurrent() {
    if (this.#rows.length) this.grid.setAttribute('aria-activedescendant', `row-${this.#state.current}`);
    else this.grid.removeAttribute('aria-activedescendant');
  }
}
