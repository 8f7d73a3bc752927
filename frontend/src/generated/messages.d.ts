// Made of Python's records by `make bundle`; edit those.

export type PartitionStatus = 'missing' | 'stale' | 'queued' | 'running' | 'failed' | 'materialized';

export type RunStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

export type StepStatus = 'planned' | 'blocked' | 'skipped' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

export type BackfillStatus = 'requested' | 'queued' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

/** A column of a board: ``role`` is parameter, setting, metric or fact; ``kind`` number, time or category. Its values are in the buffer: of a category the places of ``labels``, of a time milliseconds since 1970. ``better`` is max, min or "". */
export interface BoardColumnJson {
  name: string;
  role: string;
  kind: string;
  whole: boolean;
  log: boolean;
  better: string;
  labels: string[];
}

/** A board without its values, best first; ``best`` is a row or null, ``more`` rows are not sent. */
export interface BoardJson {
  asset: string;
  keys: (string | null)[];
  run_ids: (string | null)[];
  columns: BoardColumnJson[];
  best: number | null;
  early: number[];
  constant: string;
  more: number;
}

/** A board whose values are in the buffer: column by column, numbers of 64 bits, nan where there is none. */
export interface BoardPatch {
  board: BoardJson;
}

/** What is chosen: rows by their keys, or ranges and labels by column; ``by`` is the page that chose it. ``count`` partitions; ``code`` is the line that runs them, "" where nothing is chosen. */
export interface ChosenJson {
  keys: (string | null)[];
  ranges: Record<string, [number | null, number | null]>;
  labels: Record<string, string[]>;
  count: number;
  code: string;
  by: string;
}

/** What is chosen now. */
export interface ChosenPatch {
  chosen: ChosenJson;
}

/** The state of a board. */
export interface BoardState {
  board: BoardJson;
  values: DataView;
  chosen: ChosenJson;
  home: string;
}

/** A run of a board; ``notebook`` is the absolute path of the executed notebook, null where there is none. */
export interface BoardRunJson {
  id: string;
  status: RunStatus;
  is_live: boolean;
  attempt: number;
  notebook: string | null;
  error: string;
}

/** An asset, a source or a folded group; ``counts`` are by status code, ``member_counts`` those of each member. ``late`` is how many of its partitions are late, ``unsound`` how many have data that do not pass a check. */
export interface CardJson {
  name: string;
  kind: string;
  group: string;
  set: string;
  members: string[];
  description: string;
  reads_itself: string;
  x: number;
  y: number;
  counts: number[];
  member_counts: number[][];
  late: number;
  unsound: number;
}

/** A line between two cards, given by their indices; ``label`` are mappings that were chosen, ``reads`` says all. */
export interface EdgeJson {
  source: number;
  target: number;
  points: [number, number][];
  reads: string[];
  label: string;
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

/** A graph that replaces the one before. */
export interface GraphPatch {
  graph: GraphJson;
}

/** The state of the graph; ``example`` is code that registers a first asset. */
export interface GraphState {
  graph: GraphJson;
  example: string;
}

/** Cards whose counts changed, by index, with the counts of each member, and how many are late and unsound. */
export interface CountsPatch {
  changed: [number, number[][], number, number][];
}

/** Why partitions of an asset or a folded group are not up to date, a sentence for each kind of cause or member. */
export interface CausesJson {
  causes: string[];
}

/** All that a table of triggers draws. */
export interface TriggersViewJson {
  watch: WatchJson;
  triggers: TriggerJson[];
}

/** An answer with nothing but what every answer has. */
export interface EmptyJson {
}

/** Whether a page has the newest patch; if not, a snapshot is sent. */
export interface SyncJson {
  current: boolean;
}

/** A running step, and for how many seconds it has run. */
export interface RunningJson {
  asset: string;
  key: string | null;
  run_id: string | null;
  running_s: number | null;
}

/** A failed step; ``notebook`` is the absolute path of the executed notebook. */
export interface FailureJson {
  asset: string;
  key: string | null;
  run_id: string | null;
  error: string;
  notebook: string | null;
  code: string;
}

/** What can be done with a backfill: whether it can be cancelled, and how many steps the others would run. */
export interface AllowedActionsJson {
  cancel: boolean;
  retry_failed: number;
  resume: number;
}

/** A backfill as one line of a list; ``waiting_for`` says what it waits for before it starts, or "". */
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

/** A backfill with its running and failed steps; ``process`` describes the process that runs it, or is "". ``unsound`` is how many partitions it made that do not pass a check. */
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
  unsound: number;
}

/** The same, with the backfill that a button goes back to. */
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
  unsound: number;
  previous_backfill_id: string | null;
}

/** The state of the monitor; ``home`` is the kernel's home folder. */
export interface MonitorState {
  backfill: MonitorViewJson;
  home: string;
}

/** The backfill that was started or changed, if one was. */
export interface ActionResultJson {
  backfill_id: string | null;
}

/** An asset in a band. */
export interface RowJson {
  name: string;
}

/** The names of the two axes of a grid, and the labels of their lines. */
export interface GridJson {
  across: string;
  down: string;
  columns: string[];
  rows: string[];
}

/** The smallest and the largest value that colours show. */
export interface ScaleJson {
  low: number;
  high: number;
  is_log: boolean;
}

/** The number of keys of a band, how many of them are shown, its counts by row and status code, how many partitions of each row are late, and how many have data that do not pass a check (``unsound``). */
export interface BandSizesJson {
  n_keys: number;
  shown: number;
  counts: number[][];
  late: number[];
  unsound: number[];
}

/** The assets that share a set of partitions. ``axes`` are the dimensions among which the sides of its grid can be chosen, ``origin`` says where keys come from. */
export interface BandJson {
  n_keys: number;
  shown: number;
  counts: number[][];
  late: number[];
  unsound: number[];
  set: string;
  layout: 'line' | 'grid' | 'cell';
  rows: RowJson[];
  grid: GridJson | null;
  scale: ScaleJson | null;
  axes: string[];
  origin: string;
}

/** Selected rows of a band, and ranges of places [first, one after the last). */
export interface SelectedPlacesJson {
  band: number;
  rows: number[];
  ranges: [number, number][];
}

/** All of a heatmap but its cells; ``view`` is a number that changes whenever places get another meaning. ``unsorted`` is how many keys may be out of order, ``focus`` the only assets that are shown, null for all. */
export interface HeatmapHeadJson {
  view: number;
  sequence: number;
  bands: BandJson[];
  metrics: string[];
  unsorted: number;
  color_by: string;
  sort_by: string | null;
  statuses: number[];
  text: string;
  across: string | null;
  down: string | null;
  selection: SelectedPlacesJson | null;
  focus: string[] | null;
}

/** The state of the heatmap; ``cells`` is `nbpart.widgets.heatmap_views.View.cells`. */
export interface HeatmapState {
  head: HeatmapHeadJson;
  cells: DataView;
}

/** What changed; its parts are (band, row, number of places), and buffers hold their places, statuses and levels. */
export interface CellsPatch {
  sequence: number;
  metrics: string[];
  unsorted: number;
  parts: [number, number, number][];
  bands: Record<string, BandSizesJson>;
}

/** A selection that replaces the one before. */
export interface SelectionPatch {
  selection: SelectedPlacesJson | null;
}

/** What is recorded about one partition; ``checks`` is what each says of its data. */
export interface PartitionFactsJson {
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
  checks: [string, string][];
  metrics: ([string, number | string])[];
}

/** The partition at a place; null where there is none. */
export interface DetailsJson {
  partition: PartitionFactsJson | null;
}

/** The keys at some places of a view; null where there is none. */
export interface KeysJson {
  view: number;
  keys: (string | null)[];
}

/** Places of a row that are inputs or readers of what is selected. */
export interface HighlightJson {
  band: number;
  row: number;
  role: 'input' | 'reader';
  ranges: [number, number][];
}

/** The inputs and readers of a selection. */
export interface HighlightsJson {
  highlights: HighlightJson[];
}

/** What is selected; ``number`` grows with every selection, ``keys`` are the first of its keys. */
export interface PanelSelectionJson {
  number: number;
  kind: 'all' | 'assets' | 'partitions' | 'partition';
  title: string;
  set: string;
  key: string | null;
  keys: string[];
  n_keys: number;
  counts: number[];
}

/** A declared parameter of a set as a field of a form. ``accepts`` describes its values, ``drawn`` what samples of it are drawn from, "" where nothing is. */
export interface ParameterFieldJson {
  name: string;
  kind: string;
  accepts: string;
  choices: string[];
  drawn: string;
  default: string;
  required: boolean;
}

/** Under which column children have their parent, and the set of its keys. */
export interface ParentJson {
  column: string;
  set: string;
}

/** A set, with the fields of the form that adds keys to it; one that is not ``is_editable`` has only ``origin``. */
export interface SetFormJson {
  name: string;
  origin: string;
  is_editable: boolean;
  params: ParameterFieldJson[];
  columns: ParameterFieldJson[];
  parent: ParentJson | null;
  own: string;
}

/** A file of a materialization. */
export interface FileJson {
  name: string;
  format: string;
  path: string;
  bytes: number | null;
}

/** What a run produced. */
export interface MaterializationJson {
  materialized_at: string;
  run_id: string | null;
  duration_s: number | null;
  rows: number | null;
  bytes: number | null;
  files: FileJson[];
  metrics: ([string, number | string])[];
}

/** A run as one line of a list. */
export interface RunSummaryJson {
  id: string;
  status: RunStatus;
  attempt: number;
  started_at: string | null;
  duration_s: number | null;
  error: string;
}

/** A partition that a sentence names. */
export interface NamedPartitionJson {
  asset: string;
  key: string | null;
}

/** A partition with its newest runs; ``run_id`` is the run that its status comes from. ``why`` is a sentence in parts, each with the partition whose name it is, or null. ``checks`` is what each check says of its data: the name and words. */
export interface PartitionJson {
  status: PartitionStatus;
  why: ([string, NamedPartitionJson | null])[];
  blocked: string;
  checks: [string, string][];
  params: [string, string][];
  materialization: MaterializationJson | null;
  runs: RunSummaryJson[];
  run_id: string | null;
  code: string;
}

/** A run; ``notebook`` is the absolute path of the executed notebook, null where there is none. */
export interface RunJson {
  id: string;
  status: RunStatus;
  is_live: boolean;
  attempt: number;
  started_at: string | null;
  duration_s: number | null;
  error: string;
  traceback: string;
  notebook: string | null;
  has_log: boolean;
  materialization: MaterializationJson | null;
  code: string;
}

/** All that the panel draws; ``opened_run_id`` is the run whose results are shown instead of the newest. */
export interface PanelJson {
  selection: PanelSelectionJson;
  assets: number;
  sets: SetFormJson[];
  partition: PartitionJson | null;
  run: RunJson | null;
  opened_run_id: string | null;
  loading: boolean;
  error: string;
  backfills: BackfillJson[];
  code_checked_at: string | null;
  triggers: TriggersViewJson;
}

/** An option of a backfill as a field of a form. */
export interface OptionJson {
  name: string;
  label: string;
  help: string;
  placeholder: string;
  default: number | null;
  least: number | null;
  most: number | null;
}

/** The state of the explorer's panel; ``home`` is the kernel's home folder. */
export interface ExplorerState {
  panel: PanelJson;
  home: string;
  options: OptionJson[];
}

/** A part of a log: the bytes from ``start`` up to and without ``end``, as text. */
export interface LogJson {
  text: string;
  start: number;
  end: number;
}

/** The beginning of some data: a table, a text, or an image, which is the first buffer. */
export interface DataJson {
  kind: string;
  columns: string[];
  types: string[];
  rows: string[][];
  text: string;
}

/** An output: a text, or the index of the buffer that has its image. */
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

/** The first cells of an executed notebook; ``omitted_cells`` more are not sent. */
export interface ExecutedNotebookJson {
  cells: CellJson[];
  omitted_cells: number;
}

/** The number of steps of a plan, and the first of them as (asset, key, reason). */
export interface PlanJson {
  steps: number;
  head: ([string, string | null, string])[];
}

/** How many partitions a verb changed, or would change. */
export interface VerbJson {
  count: number;
}

/** How many partitions are chosen, None where nothing restricts them. */
export interface ChoiceJson {
  count: number | null;
}

/** The columns that a condition can ask, each with a word for its values. */
export interface ColumnsJson {
  columns: [string, string][];
}

/** How many keys a grid has, and the first of them. */
export interface GridSizeJson {
  n_keys: number;
  first: string;
}

/** A line to draw: a series of a run, with so many points in the buffer of ``total`` that were logged. */
export interface CurveLineJson {
  run_id: string;
  points: number;
  total: number;
  live: boolean;
}

/** Lines of a metric, whose points are in the buffer, and the names of the metrics that have curves. */
export interface CurvesJson {
  metric: string;
  names: string[];
  lines: CurveLineJson[];
}

/** A trigger with its last look; times are in ISO format, ``next_look`` is null where nobody is to look. */
export interface TriggerJson {
  name: string;
  kind: string;
  is_on: boolean;
  last_look: string | null;
  next_look: string | null;
  outcome: string;
  said: string;
  error: string;
}

/** How many triggers are on and who watches, as a sentence, or "", and which buttons there are. */
export interface WatchJson {
  says: string;
  can_watch: boolean;
  can_stop: boolean;
}

/** All that a table of triggers draws. */
export interface TriggersViewJson {
  watch: WatchJson;
  triggers: TriggerJson[];
}

/** The state of the table of triggers. */
export interface TriggersState {
  shown: TriggersViewJson;
}

/** A look of a trigger with the first keys that came or went by it, each as (set, key, what became of it). Several ``looks`` in a row that found nothing are one, from ``first_at`` to ``happened_at``. */
export interface TickJson {
  happened_at: string;
  first_at: string;
  looks: number;
  outcome: string;
  said: string;
  error: string;
  keys: [string, string, string][];
  other_keys: number;
  backfills: string[];
  traceback: string;
  printed: string;
}

/** The newest looks of a trigger. */
export interface TicksJson {
  ticks: TickJson[];
}

/** The contract between the board in Python and its pages. */
export interface BoardContract {
  state: BoardState;
  patches: {
    board: BoardPatch;
    chosen: ChosenPatch;
  };
  requests: {
    sync: { seq: number };
    view_opened: { view: string };
    view_closed: { view: string };
    choose: { keys: (string | null)[]; ranges: Record<string, [number | null, number | null]>; labels: Record<string, string[]>; by: string };
    read_run: { run_id: string };
    read_executed_notebook: { run_id: string };
    read_curves: { run_ids: string[]; metric: string; by_time: boolean; smoothing: number };
    stop_run: { run_id: string };
  };
  answers: {
    sync: SyncJson;
    view_opened: EmptyJson;
    view_closed: EmptyJson;
    choose: EmptyJson;
    read_run: BoardRunJson;
    read_executed_notebook: ExecutedNotebookJson;
    read_curves: CurvesJson;
    stop_run: EmptyJson;
  };
}

/** The contract between the explorer in Python and its pages. */
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
    show_partition: { asset: string; partition_key?: string | null };
    open_run: { run_id?: string | null };
    read_log: { run_id: string; after?: number | null };
    preview_data: { selection_number: number; run_id?: string | null; file?: string | null };
    read_executed_notebook: { run_id: string };
    read_curves: { run_ids: string[]; metric: string; by_time: boolean; smoothing: number };
    stop_run: { run_id: string };
    describe_choice: { selection_number: number; where: string };
    list_columns: { selection_number: number };
    plan: { selection_number: number; inputs: boolean; readers: boolean; where: string; status: 'outdated' | 'failed' | 'missing' | 'stale' | 'all' };
    backfill: { selection_number: number; inputs: boolean; readers: boolean; where: string; status: 'outdated' | 'failed' | 'missing' | 'stale' | 'all' } & Record<string, unknown>;
    accept: { selection_number: number; inputs: boolean; readers: boolean; where: string; reason: string; dry_run: boolean };
    wipe: { selection_number: number; inputs: boolean; readers: boolean; where: string; reason: string; dry_run: boolean; data: boolean };
    prune: { selection_number: number; inputs: boolean; readers: boolean; where: string; reason: string; dry_run: boolean; keep: number };
    adopt: { selection_number: number; inputs: boolean; readers: boolean; where: string; reason: string; dry_run: boolean; path: string; version: 'hash' | 'size+mtime' };
    refresh: Record<string, never>;
    read_ticks: { trigger: string };
    tick: { trigger: string };
    switch_trigger: { trigger: string; is_on: boolean };
    watch: Record<string, never>;
    stop_watching: Record<string, never>;
    show_backfill: { backfill_id: string };
    cancel: { backfill_id: string };
    retry_failed: { backfill_id: string };
    resume: { backfill_id: string };
    add_keys: { partitions: string; parent: string; columns: Record<string, string>; text: string };
    count_grid: { partitions: string; parent: string; axes: Record<string, string> };
    add_grid: { partitions: string; parent: string; axes: Record<string, string>; columns: Record<string, string> };
    add_sample: { partitions: string; parent: string; n_points: number; seed?: number | null; values: Record<string, string> };
    remove_keys: { selection_number: number; n_keys: number; delete_data: boolean; reason: string; dry_run: boolean };
  };
  answers: {
    sync: SyncJson;
    view_opened: EmptyJson;
    view_closed: EmptyJson;
    clear: EmptyJson;
    show_partition: EmptyJson;
    open_run: EmptyJson;
    read_log: LogJson;
    preview_data: DataJson;
    read_executed_notebook: ExecutedNotebookJson;
    read_curves: CurvesJson;
    stop_run: EmptyJson;
    describe_choice: ChoiceJson;
    list_columns: ColumnsJson;
    plan: PlanJson;
    backfill: ActionResultJson;
    accept: VerbJson;
    wipe: VerbJson;
    prune: VerbJson;
    adopt: VerbJson;
    refresh: ActionResultJson;
    read_ticks: TicksJson;
    tick: EmptyJson;
    switch_trigger: EmptyJson;
    watch: EmptyJson;
    stop_watching: EmptyJson;
    show_backfill: EmptyJson;
    cancel: ActionResultJson;
    retry_failed: ActionResultJson;
    resume: ActionResultJson;
    add_keys: ActionResultJson;
    count_grid: GridSizeJson;
    add_grid: ActionResultJson;
    add_sample: ActionResultJson;
    remove_keys: VerbJson;
  };
}

/** The contract between the graph in Python and its pages. */
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
    explain: { name: string; is_group: boolean };
  };
  answers: {
    sync: SyncJson;
    view_opened: EmptyJson;
    view_closed: EmptyJson;
    fold: EmptyJson;
    focus: EmptyJson;
    explain: CausesJson;
  };
}

/** The contract between the heatmap in Python and its pages. */
export interface HeatmapContract {
  state: HeatmapState;
  patches: {
    view: HeatmapHeadJson;
    cells: CellsPatch;
    selection: SelectionPatch;
  };
  requests: {
    sync: { seq: number };
    view_opened: { view: string };
    view_closed: { view: string };
    set_options: { color_by: string; sort_by?: string | null; statuses: number[]; text: string; across?: string | null; down?: string | null };
    details: { view: number; band: number; row: number; place: number };
    keys: { view: number; band: number; places: number[] };
    select: { view: number; band: number; rows: number[]; ranges: [number, number][] };
    highlights: { view: number; band: number; rows: number[]; ranges: [number, number][] };
    sort: Record<string, never>;
    clear: Record<string, never>;
    unfocus: Record<string, never>;
  };
  answers: {
    sync: SyncJson;
    view_opened: EmptyJson;
    view_closed: EmptyJson;
    set_options: EmptyJson;
    details: DetailsJson;
    keys: KeysJson;
    select: EmptyJson;
    highlights: HighlightsJson;
    sort: EmptyJson;
    clear: EmptyJson;
    unfocus: EmptyJson;
  };
}

/** The contract between the monitor in Python and its pages. */
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

/** The contract between the triggers in Python and its pages. */
export interface TriggersContract {
  state: TriggersState;
  patches: {
    shown: TriggersViewJson;
  };
  requests: {
    sync: { seq: number };
    view_opened: { view: string };
    view_closed: { view: string };
    read_ticks: { trigger: string };
    tick: { trigger: string };
    switch_trigger: { trigger: string; is_on: boolean };
    watch: Record<string, never>;
    stop_watching: Record<string, never>;
    show_backfill: { backfill_id: string };
  };
  answers: {
    sync: SyncJson;
    view_opened: EmptyJson;
    view_closed: EmptyJson;
    read_ticks: TicksJson;
    tick: EmptyJson;
    switch_trigger: EmptyJson;
    watch: EmptyJson;
    stop_watching: EmptyJson;
    show_backfill: EmptyJson;
  };
}
