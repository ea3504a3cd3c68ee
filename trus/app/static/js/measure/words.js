/** Figures as the reader's language writes them. */

import { number, t } from '../i18n.js';

const DIGITS = { mm: 1, px: 1, mm2: 1, px2: 0, degree: 1, mL: 1 };

/** A value with its unit; a dash where there is none. @param {number|null} value @param {string} unit */
export function quantity(value, unit) {
  if (value === null || value === undefined) return '–';
  const gap = unit === 'degree' ? '' : '\u00a0';
  return `${figure(value, unit)}${gap}${t(`measure.unit.${unit}`)}`;
}

/** A round length of a scale bar. */
export function roundLength(value, unit) {
  return `${number(value)}\u00a0${t(`measure.unit.${unit}`)}`;
}

/** The value alone, with as many digits as its unit deserves. */
export function figure(value, unit) {
  const digits = DIGITS[unit];
  return number(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Several figures of a measurement in one line: "12.1 × 8.4 mm". */
export function row({ value, second, unit }) {
  if (second === undefined || value === null) return quantity(value, unit);
  return `${figure(value, unit)} × ${quantity(second, unit)}`;
}

/** A spacing as "0.12 × 0.12 mm a pixel". @param {[number, number]} spacing */
export function spacingText([rows, columns]) {
  const write = (value) => number(value, { maximumSignificantDigits: 4 });
  return t('measure.spacing.value', { rows: write(rows), columns: write(columns) });
}

/** What is put behind figures in mm that rest on a stated spacing. @param {{source: string|null}} scale */
export const markOf = (scale) => (scale.source === 'stated' ? '\u202f*' : '');

/** Why lengths are in pixels, or that they rest on what the user stated; empty where the file says it. */
export function scaleNote(scale) {
  if (scale.source === 'stated') return t('measure.note.stated');
  return scale.note ? t(scale.note) : '';
}
