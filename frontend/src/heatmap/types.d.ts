// The types of the heatmap's view.

import type { CellsPatch, PartitionFactsJson, HeatmapHeadJson, HeatmapContract } from '../generated/messages.js';

/** Places [first, one after the last). */
export type Range = [first: number, last: number];

/**
 * The partitions of a band: an array a row of status codes, one of what is late (null where nothing is), one of whose
 * data do not pass a check (null as well), and one of value levels. Of a grid the cell of each place, and
 * where the places of each cell begin; those of cell c are [starts[c], starts[c + 1]).
 */
export interface Cells {
  status: Uint8Array[];
  late: (Uint8Array | null)[];
  unsound: (Uint8Array | null)[];
  levels: Uint8Array[] | null;
  cells: Uint32Array | null;
  starts: Uint32Array | null;
  versions: number[];
}

/** `bands` is null until its bytes are inflated, which is when `ready` resolves; patches wait in `pending` until then. */
export interface State {
  head: HeatmapHeadJson;
  bands: Cells[] | null;
  pending: [payload: CellsPatch, buffers: DataView[]][];
  ready: Promise<void>;
}

/** One whose bytes are there. */
export interface LoadedState extends State {
  bands: Cells[];
}

/** The range of places of a band that is visible; with `isWhole` all of them, also those added later. */
export interface Window {
  from: number;
  to: number;
  isWhole?: boolean;
}

/** Sizes of the stage in pixels: names at the left, then the track, then totals. */
export interface Size {
  width: number;
  height: number;
  left: number;
  track: number;
  right: number;
}

/** The size of a cell of a grid. */
export interface CellSize {
  width: number;
  height: number;
}

/** Something that stands at `y` of the whole picture; `row` is -1 for what is no row. */
export interface Item {
  kind: 'head' | 'row' | 'axis';
  band: number;
  row: number;
  y: number;
  height: number;
  cell?: CellSize | null;
}

export interface Layout {
  items: Item[];
  height: number;
}

/** One partition; `found` is what is known of it, once it was asked for. */
export interface Place {
  band: number;
  row: number;
  place: number;
  found?: PartitionFactsJson;
}

/** Places of a row, and where they stand in a grid. */
export interface Spot {
  band: number;
  row: number;
  first: number;
  last: number;
  cell?: { column: number; line: number };
}

/** What is under a point; `along` is the distance from the left end of the track. Without places `first` is -1. */
export interface Hit extends Spot {
  item: Item;
  along: number;
}

/** A band that is moved under the pointer, from where it was. */
export interface Pan {
  band: number;
  x: number;
  window: Window;
}

/** Where the pointer went down. */
export interface Press {
  hit: Hit;
  x: number;
  y: number;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A row of pixels: `codes` are statuses by place, of which [from, to) is shown. */
export interface PixelRow {
  width: number;
  top: number;
  height: number;
  codes: Uint8Array;
  from: number;
  to: number;
  gap: number;
}

/** Cells as pixels, row * columns + column; `starts` is where the places of each begin. */
export interface PixelGrid {
  width: number;
  cell: CellSize;
  columns: number;
  starts: Uint32Array;
}

/** What the buttons of the toolbar do; `step` is 1 for the next and -1 for the one before. */
export interface ToolbarActions {
  setOptions(change: Partial<HeatmapContract['requests']['set_options']>): void;
  sort(): void;
  unfocus(): void;
  zoom(factor: number): void;
  showAll(): void;
  next(step: number): void;
}
