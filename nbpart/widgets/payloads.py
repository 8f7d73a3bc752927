"""The types of what widgets send to their pages, from which ``make bundle`` generates those of the JavaScript sources.

A field that no page reads, and one that Python does not send, is refused by the tests.
"""

from __future__ import annotations

from typing import Annotated, TypedDict

from nbpart.states import BackfillStatus, PartitionStatus, RunStatus, StepStatus
from nbpart.widgets.trigger_payloads import TriggersViewJson

#: Texts that are the name of a status.
PartitionStatusName = Annotated[str, PartitionStatus]
RunStatusName = Annotated[str, RunStatus]
StepStatusName = Annotated[str, StepStatus]
BackfillStatusName = Annotated[str, BackfillStatus]


class EmptyJson(TypedDict):
    """An answer with nothing but what every answer has."""


class SyncJson(TypedDict):
    """Whether a page has the newest patch; if not, a snapshot is sent."""

    current: bool


# the monitor


class RunningJson(TypedDict):
    """A running step, and for how many seconds it has run."""

    asset: str
    key: str | None
    run_id: str | None
    running_s: float | None


class FailureJson(TypedDict):
    """A failed step; ``notebook`` is the absolute path of the executed notebook."""

    asset: str
    key: str | None
    run_id: str | None
    error: str
    notebook: str | None
    code: str


class AllowedActionsJson(TypedDict):
    """What can be done with a backfill: whether it can be cancelled, and how many steps the others would run."""

    cancel: bool
    retry_failed: int
    resume: int


class BackfillJson(TypedDict):
    """A backfill as one line of a list; ``waiting_for`` says what it waits for before it starts, or ""."""

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
    """A backfill with its running and failed steps; ``process`` describes the process that runs it, or is "".

    ``unsound`` is how many partitions it made that do not pass a check."""

    process: str
    elapsed_s: float
    steps_per_s: float | None
    running: list[RunningJson]
    failures: list[FailureJson]
    unsound: int


class MonitorViewJson(MonitorJson):
    """The same, with the backfill that a button goes back to."""

    previous_backfill_id: str | None


class MonitorState(TypedDict):
    """The state of the monitor; ``home`` is the kernel's home folder."""

    backfill: MonitorViewJson
    home: str


class ActionResultJson(TypedDict):
    """The backfill that was started or changed, if one was."""

    backfill_id: str | None


# the heatmap


class RowJson(TypedDict):
    """An asset in a band."""

    name: str


class GridJson(TypedDict):
    """The names of the two axes of a grid, and the labels of their lines."""

    across: str
    down: str
    columns: list[str]
    rows: list[str]


class ScaleJson(TypedDict):
    """The smallest and the largest value that colours show."""

    low: float
    high: float
    is_log: bool


class BandSizesJson(TypedDict):
    """The number of keys of a band, how many of them are shown, its counts by row and status code, how many partitions
    of each row are late, and how many have data that do not pass a check (``unsound``)."""

    n_keys: int
    shown: int
    counts: list[list[int]]
    late: list[int]
    unsound: list[int]


class BandJson(BandSizesJson):
    """The assets that share a set of partitions.

    ``axes`` are the dimensions among which the sides of its grid can be chosen, ``origin`` says where keys come from.
    """

    set: str
    layout: Annotated[str, "'line' | 'grid' | 'cell'"]
    rows: list[RowJson]
    grid: GridJson | None
    scale: ScaleJson | None
    axes: list[str]
    origin: str


class SelectedPlacesJson(TypedDict):
    """Selected rows of a band, and ranges of places [first, one after the last)."""

    band: int
    rows: list[int]
    ranges: list[tuple[int, int]]


class HeatmapHeadJson(TypedDict):
    """All of a heatmap but its cells; ``view`` is a number that changes whenever places get another meaning.

    ``unsorted`` is how many keys may be out of order, ``focus`` the only assets that are shown, null for all.
    """

    view: int
    sequence: int
    bands: list[BandJson]
    metrics: list[str]
    unsorted: int
    color_by: str
    sort_by: str | None
    statuses: list[int]
    text: str
    across: str | None
    down: str | None
    selection: SelectedPlacesJson | None
    focus: list[str] | None


class HeatmapState(TypedDict):
    """The state of the heatmap; ``cells`` is `nbpart.widgets.heatmap_views.View.cells`."""

    head: HeatmapHeadJson
    cells: bytes


class CellsPatch(TypedDict):
    """What changed; its parts are (band, row, number of places), and buffers hold their places, statuses and levels."""

    sequence: int
    metrics: list[str]
    unsorted: int
    parts: list[tuple[int, int, int]]
    bands: dict[int, BandSizesJson]


class SelectionPatch(TypedDict):
    """A selection that replaces the one before."""

    selection: SelectedPlacesJson | None


class PartitionFactsJson(TypedDict):
    """What is recorded about one partition; ``checks`` is what each says of its data."""

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
    checks: list[tuple[str, str]]
    metrics: list[tuple[str, float | str]]


class DetailsJson(TypedDict):
    """The partition at a place; null where there is none."""

    partition: PartitionFactsJson | None


class KeysJson(TypedDict):
    """The keys at some places of a view; null where there is none."""

    view: int
    keys: list[str | None]


class HighlightJson(TypedDict):
    """Places of a row that are inputs or readers of what is selected."""

    band: int
    row: int
    role: Annotated[str, "'input' | 'reader'"]
    ranges: list[tuple[int, int]]


class HighlightsJson(TypedDict):
    """The inputs and readers of a selection."""

    highlights: list[HighlightJson]


# the explorer


class PanelSelectionJson(TypedDict):
    """What is selected; ``number`` grows with every selection, ``keys`` are the first of its keys."""

    number: int
    kind: Annotated[str, "'all' | 'assets' | 'partitions' | 'partition'"]
    title: str
    set: str
    key: str | None
    keys: list[str]
    n_keys: int
    counts: list[int]


class ParameterFieldJson(TypedDict):
    """A declared parameter of a set as a field of a form.

    ``accepts`` describes its values, ``drawn`` what samples of it are drawn from, "" where nothing is.
    """

    name: str
    kind: str
    accepts: str
    choices: list[str]
    drawn: str
    default: str
    required: bool


class ParentJson(TypedDict):
    """Under which column children have their parent, and the set of its keys."""

    column: str
    set: str


class SetFormJson(TypedDict):
    """A set, with the fields of the form that adds keys to it; one that is not ``is_editable`` has only ``origin``."""

    name: str
    origin: str
    is_editable: bool
    params: list[ParameterFieldJson]
    columns: list[ParameterFieldJson]
    parent: ParentJson | None
    own: str


class FileJson(TypedDict):
    """A file of a materialization."""

    name: str
    format: str
    path: str
    bytes: int | None


class MaterializationJson(TypedDict):
    """What a run produced."""

    materialized_at: str
    run_id: str | None
    duration_s: float | None
    rows: int | None
    bytes: int | None
    files: list[FileJson]
    metrics: list[tuple[str, float | str]]


class RunSummaryJson(TypedDict):
    """A run as one line of a list."""

    id: str
    status: RunStatusName
    attempt: int
    started_at: str | None
    duration_s: float | None
    error: str


class NamedPartitionJson(TypedDict):
    """A partition that a sentence names."""

    asset: str
    key: str | None


class PartitionJson(TypedDict):
    """A partition with its newest runs; ``run_id`` is the run that its status comes from.

    ``why`` is a sentence in parts, each with the partition whose name it is, or null. ``checks`` is what each check
    says of its data: the name and words.
    """

    status: PartitionStatusName
    why: list[tuple[str, NamedPartitionJson | None]]
    blocked: str
    checks: list[tuple[str, str]]
    params: list[tuple[str, str]]
    materialization: MaterializationJson | None
    runs: list[RunSummaryJson]
    run_id: str | None
    code: str


class RunJson(TypedDict):
    """A run; ``notebook`` is the absolute path of the executed notebook, null where there is none."""

    id: str
    status: RunStatusName
    is_live: bool
    attempt: int
    started_at: str | None
    duration_s: float | None
    error: str
    traceback: str
    notebook: str | None
    has_log: bool
    materialization: MaterializationJson | None
    code: str


class PanelJson(TypedDict):
    """All that the panel draws; ``opened_run_id`` is the run whose results are shown instead of the newest."""

    selection: PanelSelectionJson
    assets: int
    sets: list[SetFormJson]
    partition: PartitionJson | None
    run: RunJson | None
    opened_run_id: str | None
    loading: bool
    error: str
    backfills: list[BackfillJson]
    code_checked_at: str | None
    triggers: TriggersViewJson


class OptionJson(TypedDict):
    """An option of a backfill as a field of a form."""

    name: str
    label: str
    help: str
    placeholder: str
    default: int | None
    least: int | None
    most: int | None


class ExplorerState(TypedDict):
    """The state of the explorer's panel; ``home`` is the kernel's home folder."""

    panel: PanelJson
    home: str
    options: list[OptionJson]


class LogJson(TypedDict):
    """A part of a log: the bytes from ``start`` up to and without ``end``, as text."""

    text: str
    start: int
    end: int


class DataJson(TypedDict):
    """The beginning of some data: a table, a text, or an image, which is the first buffer."""

    kind: str
    columns: list[str]
    types: list[str]
    rows: list[list[str]]
    text: str


class OutputJson(TypedDict, total=False):
    """An output: a text, or the index of the buffer that has its image."""

    text: str
    image: int


class CellJson(TypedDict):
    """A cell of an executed notebook."""

    kind: str
    source: str
    outputs: list[OutputJson]


class ExecutedNotebookJson(TypedDict):
    """The first cells of an executed notebook; ``omitted_cells`` more are not sent."""

    cells: list[CellJson]
    omitted_cells: int


class PlanJson(TypedDict):
    """The number of steps of a plan, and the first of them as (asset, key, reason)."""

    steps: int
    head: list[tuple[str, str | None, str]]


class VerbJson(TypedDict):
    """How many partitions a verb changed, or would change."""

    count: int


class ChoiceJson(TypedDict):
    """How many partitions are chosen, None where nothing restricts them."""

    count: int | None


class ColumnsJson(TypedDict):
    """The columns that a condition can ask, each with a word for its values."""

    columns: list[tuple[str, str]]


class GridSizeJson(TypedDict):
    """How many keys a grid has, and the first of them."""

    n_keys: int
    first: str
