"""What travels between widgets and their pages, as types: the types of the JavaScript sources are made of these.

A field is what a page reads of it, so a field that is new here is known there once ``make bundle`` ran.
"""

from __future__ import annotations

from typing import Annotated, TypedDict

from nbpart.states import PartitionStatus, RunStatus, StepStatus

#: Texts that are the name of a status; those of backfills have two beside the ones of runs.
PartitionStatusName = Annotated[str, PartitionStatus]
RunStatusName = Annotated[str, RunStatus]
StepStatusName = Annotated[str, StepStatus]
BackfillStatusName = Annotated[str, "BackfillStatus"]


class EmptyJson(TypedDict):
    """An answer that says nothing but what every answer does."""


class SyncJson(TypedDict):
    """Whether a page has the newest patch; if not, the whole follows."""

    current: bool


# the graph


class CardJson(TypedDict):
    """An asset, a source or a folded group; ``counts`` are by status code, ``each`` those of each member."""

    name: str
    kind: str
    group: str
    set: str
    members: list[str]
    description: str
    x: float
    y: float
    counts: list[int]
    member_counts: list[list[int]]


class EdgeJson(TypedDict):
    """From card ``s`` to card ``t``, by their places."""

    source: int
    target: int
    points: list[tuple[float, float]]


class GroupJson(TypedDict):
    """A group of assets, drawn as one card where it is folded."""

    name: str
    size: int
    folded: bool


class GraphJson(TypedDict):
    """The graph as it is laid out; ``card`` is width and height of a card."""

    cards: list[CardJson]
    edges: list[EdgeJson]
    groups: list[GroupJson]
    width: float
    height: float
    card: tuple[int, int]


class GraphPatch(TypedDict):
    """Another graph."""

    graph: GraphJson


class GraphState(GraphPatch):
    """The whole; ``first`` are the lines that register a first asset."""

    example: str


class CountsPatch(TypedDict):
    """Cards whose counts changed: place, and the counts of each member."""

    changed: list[tuple[int, list[list[int]]]]


# the monitor


class RunningJson(TypedDict):
    """A step that runs, and for how long."""

    asset: str
    key: str | None
    run_id: str | None
    running_s: float | None


class FailureJson(TypedDict):
    """A step that failed; ``notebook`` is the absolute path of what it executed."""

    asset: str
    key: str | None
    run_id: str | None
    error: str
    notebook: str | None
    code: str


class AllowedActionsJson(TypedDict):
    """What can be done with a backfill: numbers of steps, 0 where there is nothing to do."""

    cancel: bool
    retry_failed: int
    resume: int


class BackfillJson(TypedDict):
    """A backfill in a list; ``waiting`` says what it waits for, or ""."""

    id: str
    selection: str
    status: BackfillStatusName
    is_active: bool
    waiting_for: str
    steps: int
    done: int
    counts: list[tuple[StepStatusName, int]]
    remaining_s: float | None
    allowed: AllowedActionsJson


class MonitorJson(BackfillJson):
    """A backfill with what runs and what failed; ``rate`` is in steps a second."""

    process: str
    elapsed_s: float
    steps_per_s: float | None
    running: list[RunningJson]
    failures: list[FailureJson]


class MonitorViewJson(MonitorJson):
    """The same, with the backfill to go back to."""

    previous_backfill_id: str | None


class MonitorState(TypedDict):
    """The whole; ``home`` is the kernel's home folder."""

    backfill: MonitorViewJson
    home: str


class ActionResultJson(TypedDict):
    """The backfill that was begun or changed, if one was."""

    backfill_id: str | None


# the heatmap


class RowJson(TypedDict):
    """An asset."""

    name: str


class GridJson(TypedDict):
    """Two parameters, and their values as texts."""

    across: str
    down: str
    columns: list[str]
    rows: list[str]


class ScaleJson(TypedDict):
    """The values between which colours lie."""

    low: float
    high: float
    log: bool


class BandNewsJson(TypedDict):
    """What of a band changes: ``shown`` of ``n`` keys, and counts by row and status code."""

    n: int
    shown: int
    counts: list[list[int]]


class BandJson(BandNewsJson):
    """The assets of one set."""

    set: str
    layout: Annotated[str, "'line' | 'grid' | 'cell'"]
    rows: list[RowJson]
    grid: GridJson | None
    scale: ScaleJson | None


class SelectedJson(TypedDict):
    """Rows of a band, and ranges of places [first, one after the last)."""

    band: int
    rows: list[int]
    ranges: list[tuple[int, int]]


class HeadJson(TypedDict):
    """What is shown and how; ``view`` tells one arrangement of places from another."""

    view: int
    sequence: int
    bands: list[BandJson]
    metrics: list[str]
    unsorted: int
    color_by: str
    sort_by: str | None
    statuses: list[int]
    text: str
    selection: SelectedJson | None
    focus: list[str] | None


class HeatmapState(TypedDict):
    """The whole; ``cells`` is `nbpart.widgets.heatmap_state.View.cells`."""

    head: HeadJson
    cells: bytes


class CellsPatch(TypedDict):
    """What changed; buffers hold the places, statuses and steps of all parts (band, row, number of places)."""

    sequence: int
    metrics: list[str]
    unsorted: int
    parts: list[tuple[int, int, int]]
    bands: dict[int, BandNewsJson]


class SelectionPatch(TypedDict):
    """Another selection."""

    selection: SelectedJson | None


class FoundJson(TypedDict):
    """What is known of one partition."""

    key: str | None
    status: PartitionStatusName
    run_id: str | None
    attempt: int
    started_at: str | None
    materialized_at: str | None
    duration_s: float | None
    rows: int | None
    error: str
    blocked: str
    metrics: list[tuple[str, float | str]]


class DetailsJson(TypedDict):
    """What stands at a place, if anything does."""

    found: FoundJson | None


class KeysJson(TypedDict):
    """The keys at some places of a view; null where there is none."""

    view: int
    keys: list[str | None]


class HighlightJson(TypedDict):
    """Places of a row that are read by what is selected, or read it; ``ranges`` null is all of them."""

    band: int
    row: int
    role: Annotated[str, "'read' | 'reader'"]
    ranges: list[tuple[int, int]] | None


class HighlightsJson(TypedDict):
    """What a selection reads and is read by."""

    highlights: list[HighlightJson]


# the explorer


class ChosenJson(TypedDict):
    """What is selected; ``number`` tells one selection from another, ``keys`` are the first of them."""

    number: int
    kind: Annotated[str, "'all' | 'assets' | 'partitions' | 'partition'"]
    title: str
    set: str
    key: str | None
    keys: list[str]
    n: int
    counts: list[int]


class FieldJson(TypedDict):
    """A declared parameter of a set, as a field of a form."""

    name: str
    kind: str
    takes: str
    choices: list[str]
    default: str
    required: bool


class SetJson(TypedDict):
    """A set that keys can be added to."""

    name: str
    params: list[FieldJson]


class FileJson(TypedDict):
    """A file of a materialization."""

    name: str
    format: str
    path: str
    bytes: int | None


class MadeJson(TypedDict):
    """What a run made."""

    at: str
    run: str | None
    duration_s: float | None
    rows: int | None
    bytes: int | None
    files: list[FileJson]
    metrics: list[tuple[str, float | str]]


class BriefJson(TypedDict):
    """A run in a list."""

    id: str
    status: RunStatusName
    attempt: int
    started_at: str | None
    duration_s: float | None
    error: str


class PartitionJson(TypedDict):
    """A partition; ``run`` is the run that its status speaks of."""

    status: PartitionStatusName
    reason: str
    blocked: str
    params: list[tuple[str, str]]
    made: MadeJson | None
    runs: list[BriefJson]
    run: str | None
    code: str


class RunJson(TypedDict):
    """A run as it was; ``notebook`` is the absolute path of what it executed, if it is there."""

    id: str
    status: RunStatusName
    live: bool
    attempt: int
    started_at: str | None
    duration_s: float | None
    error: str
    traceback: str
    notebook: str | None
    log: bool
    made: MadeJson | None
    code: str


class PanelJson(TypedDict):
    """All that the panel draws; ``opened`` is the run that is shown as it was."""

    chosen: ChosenJson
    assets: int
    sets: list[SetJson]
    partition: PartitionJson | None
    run: RunJson | None
    opened: str | None
    loading: bool
    trouble: str
    backfills: list[BackfillJson]
    seen_at: str | None


class OptionJson(TypedDict):
    """An option of a backfill that is a number."""

    name: str
    label: str
    help: str
    placeholder: str
    default: int | None
    least: int | None
    most: int | None


class ExplorerState(TypedDict):
    """The whole; ``home`` is the kernel's home folder."""

    panel: PanelJson
    home: str
    options: list[OptionJson]


class LogJson(TypedDict):
    """A part of a log, from byte ``start`` up to ``end``."""

    text: str
    start: int
    end: int


class DataJson(TypedDict):
    """The beginning of some data: a table, a text, or an image in the first buffer."""

    kind: str
    columns: list[str]
    types: list[str]
    rows: list[list[str]]
    text: str


class OutputJson(TypedDict, total=False):
    """A text, or the number of the buffer with an image."""

    text: str
    image: int


class CellJson(TypedDict):
    """A cell of an executed notebook."""

    kind: str
    source: str
    outputs: list[OutputJson]


class ExecutedJson(TypedDict):
    """An executed notebook, without ``omitted_cells`` of its cells."""

    cells: list[CellJson]
    omitted_cells: int


class PlanJson(TypedDict):
    """A plan: how many steps, and the first (asset, key, reason)."""

    steps: int
    head: list[tuple[str, str | None, str]]


class MeasureJson(TypedDict):
    """How many keys some axes make, and the first of them."""

    n: int
    first: str
