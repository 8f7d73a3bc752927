// Made of Python's records by `make bundle`; edit those.

export type PartitionStatus = 'missing' | 'stale' | 'queued' | 'running' | 'failed' | 'materialized';

export type RunStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

export type StepStatus = 'planned' | 'blocked' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

export type BackfillStatus = 'requested' | 'queued' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

/** An answer that says nothing but what every answer does. */
export interface EmptyJson {
}

/** Whether a page has the newest patch; if not, the whole follows. */
export interface SyncJson {
  current: boolean;
}

/** An asset, a source or a folded group; ``counts`` are by status code, ``each`` those of each member. */
export interface CardJson {
  name: string;
  kind: string;
  group: string;
  set: string;
  members: string[];
  description: string;
  x: number;
  y: number;
  counts: number[];
  member_counts: number[][];
}

/** From card ``s`` to card ``t``, by their places. */
export interface EdgeJson {
  source: number;
  target: number;
  points: [number, number][];
}

/** A group of assets, drawn as one card where it is folded. */
export interface GroupJson {
  name: string;
  size: number;
  folded: boolean;
}

/** The graph as it is laid out; ``card`` is width and height of a card. */
export interface GraphJson {
  cards: CardJson[];
  edges: EdgeJson[];
  groups: GroupJson[];
  width: number;
  height: number;
  card: [number, number];
}

/** Another graph. */
export interface GraphPatch {
  graph: GraphJson;
}

/** The whole; ``first`` are the lines that register a first asset. */
export interface GraphState {
  graph: GraphJson;
  example: string;
}

/** Cards whose counts changed: place, and the counts of each member. */
export interface CountsPatch {
  changed: [number, number[][]][];
}

/** A step that runs, and for how long. */
export interface RunningJson {
  asset: string;
  key: string | null;
  run_id: string | null;
  running_s: number | null;
}

/** A step that failed; ``notebook`` is the absolute path of what it executed. */
export interface FailureJson {
  asset: string;
  key: string | null;
  run_id: string | null;
  error: string;
  notebook: string | null;
  code: string;
}

/** What can be done with a backfill: numbers of steps, 0 where there is nothing to do. */
export interface AllowedActionsJson {
  cancel: boolean;
  retry_failed: number;
  resume: number;
}

/** A backfill in a list; ``waiting`` says what it waits for, or "". */
export interface BackfillJson {
  id: string;
  selection: string;
  status: BackfillStatus;
  is_active: boolean;
  waiting_for: string;
  steps: number;
  done: number;
  counts: [StepStatus, number][];
  remaining_s: number | null;
  allowed: AllowedActionsJson;
}

/** A backfill with what runs and what failed; ``rate`` is in steps a second. */
export interface MonitorJson {
  id: string;
  selection: string;
  status: BackfillStatus;
  is_active: boolean;
  waiting_for: string;
  steps: number;
  done: number;
  counts: [StepStatus, number][];
  remaining_s: number | null;
  allowed: AllowedActionsJson;
  process: string;
  elapsed_s: number;
  steps_per_s: number | null;
  running: RunningJson[];
  failures: FailureJson[];
}

/** The same, with the backfill to go back to. */
export interface MonitorViewJson {
  id: string;
  selection: string;
  status: BackfillStatus;
  is_active: boolean;
  waiting_for: string;
  steps: number;
  done: number;
  counts: [StepStatus, number][];
  remaining_s: number | null;
  allowed: AllowedActionsJson;
  process: string;
  elapsed_s: number;
  steps_per_s: number | null;
  running: RunningJson[];
  failures: FailureJson[];
  previous_backfill_id: string | null;
}

/** The whole; ``home`` is the kernel's home folder. */
export interface MonitorState {
  backfill: MonitorViewJson;
  home: string;
}

/** The backfill that was begun or changed, if one was. */
export interface ActionResultJson {
  backfill_id: string | null;
}

/** An asset. */
export interface RowJson {
  name: string;
}

/** Two parameters, and their values as texts. */
export interface GridJson {
  across: string;
  down: string;
  columns: string[];
  rows: string[];
}

/** The values between which colours lie. */
export interface ScaleJson {
  low: number;
  high: number;
  log: boolean;
}

/** What of a band changes: ``shown`` of ``n`` keys, and counts by row and status code. */
export interface BandNewsJson {
  n: number;
  shown: number;
  counts: number[][];
}

/** The assets of one set. */
export interface BandJson {
  n: number;
  shown: number;
  counts: number[][];
  set: string;
  layout: 'line' | 'grid' | 'cell';
  rows: RowJson[];
  grid: GridJson | null;
  scale: ScaleJson | null;
}

/** Rows of a band, and ranges of places [first, one after the last). */
export interface SelectedJson {
  band: number;
  rows: number[];
  ranges: [number, number][];
}

/** What is shown and how; ``view`` tells one arrangement of places from another. */
export interface HeadJson {
  view: number;
  sequence: number;
  bands: BandJson[];
  metrics: string[];
  unsorted: number;
  color_by: string;
  sort_by: string | null;
  statuses: number[];
  text: string;
  selection: SelectedJson | null;
  focus: string[] | null;
}

/** The whole; ``cells`` is `nbpart.widgets.heatmap_state.View.cells`. */
export interface HeatmapState {
  head: HeadJson;
  cells: DataView;
}

/** What changed; buffers hold the places, statuses and steps of all parts (band, row, number of places). */
export interface CellsPatch {
  sequence: number;
  metrics: string[];
  unsorted: number;
  parts: [number, number, number][];
  bands: Record<string, BandNewsJson>;
}

/** Another selection. */
export interface SelectionPatch {
  selection: SelectedJson | null;
}

/** What is known of one partition. */
export interface FoundJson {
  key: string | null;
  status: PartitionStatus;
  run_id: string | null;
  attempt: number;
  started_at: string | null;
  materialized_at: string | null;
  duration_s: number | null;
  rows: number | null;
  error: string;
  blocked: string;
  metrics: ([string, number | string])[];
}

/** What stands at a place, if anything does. */
export interface DetailsJson {
  found: FoundJson | null;
}

/** The keys at some places of a view; null where there is none. */
export interface KeysJson {
  view: number;
  keys: (string | null)[];
}

/** Places of a row that are read by what is selected, or read it; ``ranges`` null is all of them. */
export interface HighlightJson {
  band: number;
  row: number;
  role: 'read' | 'reader';
  ranges: [number, number][] | null;
}

/** What a selection reads and is read by. */
export interface HighlightsJson {
  highlights: HighlightJson[];
}

/** What is selected; ``number`` tells one selection from another, ``keys`` are the first of them. */
export interface ChosenJson {
  number: number;
  kind: 'all' | 'assets' | 'partitions' | 'partition';
  title: string;
  set: string;
  key: string | null;
  keys: string[];
  n: number;
  counts: number[];
}

/** A declared parameter of a set, as a field of a form. */
export interface FieldJson {
  name: string;
  kind: string;
  takes: string;
  choices: string[];
  default: string;
  required: boolean;
}

/** A set that keys can be added to. */
export interface SetJson {
  name: string;
  params: FieldJson[];
}

/** A file of a materialization. */
export interface FileJson {
  name: string;
  format: string;
  path: string;
  bytes: number | null;
}

/** What a run made. */
export interface MadeJson {
  at: string;
  run: string | null;
  duration_s: number | null;
  rows: number | null;
  bytes: number | null;
  files: FileJson[];
  metrics: ([string, number | string])[];
}

/** A run in a list. */
export interface BriefJson {
  id: string;
  status: RunStatus;
  attempt: number;
  started_at: string | null;
  duration_s: number | null;
  error: string;
}

/** A partition; ``run`` is the run that its status speaks of. */
export interface PartitionJson {
  status: PartitionStatus;
  reason: string;
  blocked: string;
  params: [string, string][];
  made: MadeJson | null;
  runs: BriefJson[];
  run: string | null;
  code: string;
}

/** A run as it was; ``notebook`` is the absolute path of what it executed, if it is there. */
export interface RunJson {
  id: string;
  status: RunStatus;
  live: boolean;
  attempt: number;
  started_at: string | null;
  duration_s: number | null;
  error: string;
  traceback: string;
  notebook: string | null;
  log: boolean;
  made: MadeJson | null;
  code: string;
}

/** All that the panel draws; ``opened`` is the run that is shown as it was. */
export interface PanelJson {
  chosen: ChosenJson;
  assets: number;
  sets: SetJson[];
  partition: PartitionJson | null;
  run: RunJson | null;
  opened: string | null;
  loading: boolean;
  trouble: string;
  backfills: BackfillJson[];
  seen_at: string | null;
}

/** An option of a backfill that is a number. */
export interface OptionJson {
  name: string;
  label: string;
  help: string;
  placeholder: string;
  default: number | null;
  least: number | null;
  most: number | null;
}

/** The whole; ``home`` is the kernel's home folder. */
export interface ExplorerState {
  panel: PanelJson;
  home: string;
  options: OptionJson[];
}

/** A part of a log, from byte ``start`` up to ``end``. */
export interface LogJson {
  text: string;
  start: number;
  end: number;
}

/** The beginning of some data: a table, a text, or an image in the first buffer. */
export interface DataJson {
  kind: string;
  columns: string[];
  types: string[];
  rows: string[][];
  text: string;
}

/** A text, or the number of the buffer with an image. */
export interface OutputJson {
  text?: string;
  image?: number;
}

/** A cell of an executed notebook. */
export interface CellJson {
  kind: string;
  source: string;
  outputs: OutputJson[];
}

/** An executed notebook, without ``omitted_cells`` of its cells. */
export interface ExecutedJson {
  cells: CellJson[];
  omitted_cells: number;
}

/** A plan: how many steps, and the first (asset, key, reason). */
export interface PlanJson {
  steps: number;
  head: ([string, string | null, string])[];
}

/** How many keys some axes make, and the first of them. */
export interface MeasureJson {
  n: number;
  first: string;
}

/** What the explorer and its pages say to each other. */
export interface ExplorerContract {
  state: ExplorerState;
  patches: {
    panel: Partial<PanelJson>;
  };
  requests: {
    sync: { seq: number };
    view_opened: { view: string };
    view_closed: { view: string };
    clear: Record<string, never>;
    open_run: { run_id?: string | null };
    log: { run_id: string; after?: number | null };
    preview: { number: number; run_id?: string | null; file?: string | null };
    executed: { run_id: string };
    plan: { number: number; inputs: boolean; readers: boolean; status: 'outdated' | 'failed' | 'missing' | 'stale' | 'all' };
    backfill: { number: number; inputs: boolean; readers: boolean; status: 'outdated' | 'failed' | 'missing' | 'stale' | 'all' } & Record<string, unknown>;
    refresh: Record<string, never>;
    cancel: { backfill_id: string };
    retry_failed: { backfill_id: string };
    resume: { backfill_id: string };
    add_keys: { partitions: string; text: string };
    measure_grid: { partitions: string; axes: Record<string, string> };
    add_grid: { partitions: string; axes: Record<string, string> };
    remove: { number: number; n: number };
  };
  answers: {
    sync: SyncJson;
    view_opened: EmptyJson;
    view_closed: EmptyJson;
    clear: EmptyJson;
    open_run: EmptyJson;
    log: LogJson;
    preview: DataJson;
    executed: ExecutedJson;
    plan: PlanJson;
    backfill: ActionResultJson;
    refresh: ActionResultJson;
    cancel: ActionResultJson;
    retry_failed: ActionResultJson;
    resume: ActionResultJson;
    add_keys: ActionResultJson;
    measure_grid: MeasureJson;
    add_grid: ActionResultJson;
    remove: ActionResultJson;
  };
}

/** What the graph and its pages say to each other. */
export interface GraphContract {
  state: GraphState;
  patches: {
    graph: GraphPatch;
    counts: CountsPatch;
  };
  requests: {
    sync: { seq: number };
    view_opened: { view: string };
    view_closed: { view: string };
    fold: { group: string; folded: boolean };
    focus: { name: string };
  };
  answers: {
    sync: SyncJson;
    view_opened: EmptyJson;
    view_closed: EmptyJson;
    fold: EmptyJson;
    focus: EmptyJson;
  };
}

/** What the heatmap and its pages say to each other. */
export interface HeatmapContract {
  state: HeatmapState;
  patches: {
    view: HeadJson;
    cells: CellsPatch;
    selection: SelectionPatch;
  };
  requests: {
    sync: { seq: number };
    view_opened: { view: string };
    view_closed: { view: string };
    choose: { color_by: string; sort_by?: string | null; statuses: number[]; text: string };
    details: { view: number; band: number; row: number; place: number };
    keys: { view: number; band: number; places: number[] };
    select: { view: number; band: number; rows: number[]; ranges: [number, number][] };
    sort: Record<string, never>;
    clear: Record<string, never>;
    unfocus: Record<string, never>;
  };
  answers: {
    sync: SyncJson;
    view_opened: EmptyJson;
    view_closed: EmptyJson;
    choose: EmptyJson;
    details: DetailsJson;
    keys: KeysJson;
    select: HighlightsJson;
    sort: EmptyJson;
    clear: EmptyJson;
    unfocus: EmptyJson;
  };
}

/** What the monitor and its pages say to each other. */
export interface MonitorContract {
  state: MonitorState;
  patches: {
    progress: Partial<MonitorViewJson>;
  };
  requests: {
    sync: { seq: number };
    view_opened: { view: string };
    view_closed: { view: string };
    cancel: Record<string, never>;
    retry_failed: Record<string, never>;
    resume: Record<string, never>;
    show: { backfill_id: string };
  };
  answers: {
    sync: SyncJson;
    view_opened: EmptyJson;
    view_closed: EmptyJson;
    cancel: ActionResultJson;
    retry_failed: ActionResultJson;
    resume: ActionResultJson;
    show: EmptyJson;
  };
}
