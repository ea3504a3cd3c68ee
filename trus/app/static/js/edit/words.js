/** Numbers of editing in words. */

import { number, t } from '../i18n.js';

/** Seconds as m:ss. @param {number} seconds */
export function durationText(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** A radius. @param {number} value px of the frame */
export const pixels = (value) => t('edit.pixels', { value: number(value, { maximumFractionDigits: 1 }) });
