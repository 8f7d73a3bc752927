// Types of the board that are not generated from Python.

import type { BoardColumnJson, BoardContract, BoardJson, ChosenJson } from '../generated/messages.js';
import type { Link } from '../shared/types.js';

/** A column with its values, a number a row. */
export interface Column extends BoardColumnJson {
  values: Float64Array;
}

/** What a page keeps of a board. */
export interface BoardPage {
  board: BoardJson;
  columns: Column[];
  chosen: ChosenJson;
  home: string;
}

export type BoardLink = Link<BoardContract, BoardPage>;

/** What is chosen: rows by their keys, or ranges and labels by column. */
export interface Choice {
  keys: (string | null)[];
  ranges: Record<string, [number | null, number | null]>;
  labels: Record<string, string[]>;
}

/** Where a value stands on an axis, from 0 to 1; NaN for what has no value. */
export interface Scale {
  toUnit(value: number): number;
  fromUnit(unit: number): number;
  /** The value of a bound there, with few digits. */
  roundAt(unit: number): number;
  ticks(most: number): { unit: number; label: string }[];
  format(value: number): string;
  /** By how much of the axis a key press moves a bound. */
  step: number;
  /** The bounds of a brush that reaches the ends of the axis: null is none. */
  ends: [number | null, number | null];
}

/** What is drawn alone, as it was chosen when a person asked for it. */
export interface Zoom {
  rows: Uint8Array;
  ranges: Choice['ranges'];
}

/** The colour of each row, and what says so. */
export interface Colouring {
  column: Column | null;
  /** The place of a row among `shades`; -1 for what has no value. */
  shadeOf(row: number): number;
  shades: string[];
  none: string;
  legend: { label: string; colour: string }[];
  isRamp: boolean;
}

/** Rows as they are drawn: those that a brush leaves, those that are chosen one by one. */
export interface Drawn {
  page: BoardPage;
  inside: Uint8Array;
  picked: Uint8Array;
  colouring: Colouring;
  zoom: Zoom | null;
}
