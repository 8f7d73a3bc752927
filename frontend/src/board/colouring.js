// The colours of rows by a column.

import { categoryColours, cssColour, rampColours } from '../shared/plot.js';
import { colourOf } from '../shared/page.js';
import { makeScale } from './scale.js';

/** @import { Colouring, Column, Zoom } from './types.js' */

const SHADES = 24;
/** So many categories have a colour of their own. */
const MOST_CATEGORIES = 8;

/**
 * @param {Element} root
 * @param {Column | null} column
 * @param {Zoom | null} zoom
 * @returns {Colouring}
 */
export function makeColouring(root, column, zoom) {
  const none = cssColour(root, '--nbpart-faint');
  if (!column) return { column, none, shades: [cssColour(root, '--nbpart-brand')], shadeOf: () => 0, legend: [], isRamp: false };
  const { values } = column;
  if (column.kind === 'category') {
    const shades = column.name === 'status' && column.role === 'fact' ? column.labels.map((label) => colourOf(root, label)) : categoryColours(root).slice(0, MOST_CATEGORIES);
    const legend = column.labels.slice(0, shades.length).map((label, i) => ({ label, colour: shades[i] }));
    if (column.labels.length > shades.length) legend.push({ label: `${column.labels.length - shades.length} others`, colour: none });
    return { column, none, shades, legend, isRamp: false, shadeOf: (row) => (values[row] < shades.length ? values[row] : -1) };
  }
  const scale = makeScale(column, zoom);
  const shades = rampColours(root, SHADES);
  return {
    column, none, shades, isRamp: true,
    shadeOf: (row) => {
      const unit = scale.toUnit(values[row]);
      return Number.isNaN(unit) ? -1 : Math.min(SHADES - 1, Math.floor(unit * SHADES));
    },
    legend: [0, 1].map((unit) => ({ label: scale.format(scale.fromUnit(unit)), colour: shades[unit * (SHADES - 1)] })),
  };
}
