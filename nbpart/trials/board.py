"""The partitions of an asset beside each other, best first: what they were given, and what their runs logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import name_of
from nbpart.assets.metrics import Metric, read_metrics
from nbpart.backfill.options import PER_PARTITION
from nbpart.backfill.registry import Node, spell_key
from nbpart.errors import DeclarationError, MissingInputError, UnknownNameError, nearest
from nbpart.partitions import PartitionRef
from nbpart.partitions.filters import MOST_CHARACTERS
from nbpart.partitions.names import METRIC, metric_column
from nbpart.project.backfills import Backfill
from nbpart.project.details import load_executed_notebook
from nbpart.project.diff import Diff
from nbpart.project.plans import Plan, make_plan
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry
from nbpart.project.runs import Run, get_run
from nbpart.run.pruners import Pruner
from nbpart.trials.board_actions import ComparedActions
from nbpart.trials.compared import WITH_DATA, Compared, load_compared, make_compared
from nbpart.trials.side_by_side import MOST_BESIDE, SideBySide
from nbpart.widgets.board_choice import BoardChoice, find_chosen, spell_where

if TYPE_CHECKING:
    import pandas as pd

    from nbpart.widgets.board import BoardWidget


class Board:
    """The partitions of an asset as `Workspace.compare` shows them; it follows the catalog."""

    def __init__(self, project: Project, node: Node, metrics: Mapping[str, Metric]) -> None:
        self._project, self._node, self._metrics = project, node, metrics
        self._seen: tuple[int, Compared] | None = None
        self._actions = ComparedActions(project, node, self.read)
        self._widget: BoardWidget | None = None

    @property
    def asset(self) -> str:
        return self._node.name

    @property
    def frame(self) -> pd.DataFrame:
        """A partition a row, best first.

        Columns: ``partition_key``, the parameters and settings that differ, the metrics (those of ``metrics=`` first),
        ``duration_s, status, stopped_early, run_id``. What was told to end early stands behind what went to its end,
        and what has no value, or is nan, behind that; partitions that have no data or failed are last.
        """
        return self.read().frame.copy()

    @property
    def constant(self) -> dict[str, Any]:
        """The parameters and settings that all partitions share, by name."""
        return dict(self.read().constant)

    @property
    def best(self) -> pd.Series | None:
        """The first row: the best that went to its end; None where there is none yet.

        Raises `DeclarationError` where nobody said which way the metrics are better.
        """
        read = self.read()
        if not self._metrics:
            raise DeclarationError(
                f"{self.asset} declares no metrics, so none is best: register it with metrics={{'accuracy': 'max'}}, "
                "or give them to compare."
            )
        return None if read.best_row is None else read.frame.iloc[read.best_row]

    def diff(self, a: Any, b: Any) -> Diff:
        """Where the runs of two partitions, given by their keys, differ; see `nbpart.diff`.

        Raises `UnknownNameError` for a key that is not there, `MissingInputError` for a partition that no run made.
        """
        first, second = self._find_runs([a, b])
        return first.diff(second)

    def _find_runs(self, keys: Sequence[Any]) -> list[Run]:
        """The runs that the statuses of partitions are about, given by their keys."""
        frame = self.read().frame
        found = []
        for key in keys:
            text = spell_key(self._node, key)
            rows = frame[frame["partition_key"] == text]
            if not len(rows):
                raise UnknownNameError(
                    f"{self.asset} has no key {text!r}; {nearest(str(text), frame['partition_key'])}"
                )
            if not isinstance(run_id := rows["run_id"].iloc[0], str):
                raise MissingInputError(f"{PartitionRef(self.asset, text).label} was made by no run yet.")
            found.append(get_run(self._project, run_id))
        return found

    def read(self) -> Compared:
        """What the catalog knows now."""
        sequence = self._project.catalog.sequence()
        if self._seen is None or self._seen[0] != sequence:
            node = self._node
            found, given = self._project.read(lambda batch: load_compared(batch, node.asset_id))
            self._seen = sequence, make_compared(found, given, node, self._metrics)
        return self._seen[1]

    @property
    def widget(self) -> BoardWidget:
        """What is displayed of it, made when it is first asked for: all its displays share one choice."""
        if self._widget is None:
            from nbpart.widgets.board import BoardWidget

            self._widget = BoardWidget(self._project.catalog, self._actions)
        return self._widget

    @property
    def where(self) -> str:
        """The condition of what is chosen in its display, as ``where=`` takes it; "" where nothing is."""
        return spell_where(self._actions.read_board(), self._choice)

    @property
    def selection(self) -> list[str]:
        """The keys of what is chosen in its display, best first; none where nothing is."""
        board = self._actions.read_board()
        chosen = find_chosen(board, self._choice)
        return [key for key, is_chosen in zip(board.keys, chosen, strict=True) if is_chosen and key is not None]

    def backfill(  # noqa: PLR0913
        self,
        status: Any = "outdated",
        *,
        max_workers: int | None = None,
        retries: int | None = None,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        backoff_s: float | None = None,
        limits: Mapping[str, int] | None = None,
        keep_failed_kernels: int = 0,
        keep_kernels: int = 0,
        policy: str = PER_PARTITION,
        pruner: Pruner | None = None,
        stop_after: int | None = None,
        order: str | None = None,
        detach: bool = False,
    ) -> Backfill:
        """Plan and run what is chosen in its display, as ``ws.backfill(asset, where=board.where)``.

        See `Plan.run` for the options. A choice by anything but the columns of the key runs all that it chooses. Raises
        `DeclarationError` where nothing is chosen.
        """
        return self._plan(status, order).run(
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            keep_kernels=keep_kernels,
            policy=policy,
            pruner=pruner,
            stop_after=stop_after,
            detach=detach,
        )

    def _plan(self, status: Any, order: str | None) -> Plan:
        if not self._choice:
            raise DeclarationError(
                f"nothing is chosen on the board of {self.asset}: choose rows or a range of an axis in its display, or "
                f"run all with ws.backfill({self.asset!r})."
            )
        where = self.where
        if len(where) > MOST_CHARACTERS:
            return make_plan(self._project, self.asset, self.selection, status, order)
        return make_plan(self._project, self.asset, None, status, order, where)

    def side_by_side(self, keys: Any) -> SideBySide:
        """The executed notebooks of up to five partitions beside each other, cell by cell; shown, it is a page.

        Raises `DeclarationError` for more, `UnknownNameError` for a key that is not there, `MissingInputError` for a
        partition that has no executed notebook.
        """
        wanted = list(keys) if isinstance(keys, Iterable) and not isinstance(keys, str | Mapping) else [keys]
        if not 0 < len(wanted) <= MOST_BESIDE:
            raise DeclarationError(
                f"{len(wanted)} notebooks do not fit beside each other: name one to {MOST_BESIDE} keys, as "
                "board.side_by_side(board.frame.partition_key[:3])."
            )
        return SideBySide(
            tuple(
                (run.partition_key or run.asset, load_executed_notebook(self._project, run.run_id))
                for run in self._find_runs(wanted)
            )
        )

    @property
    def _choice(self) -> BoardChoice:
        return BoardChoice() if self._widget is None else self._widget.choice

    def _ipython_display_(self) -> None:
        """Show the live widget in a notebook, and the repr elsewhere."""
        from IPython import get_ipython

        if getattr(get_ipython(), "kernel", None) is None:
            print(repr(self))
        else:
            self.widget._ipython_display_()

    def _repr_html_(self) -> str:
        return self._actions.read_html()

    def __repr__(self) -> str:
        frame = self.read().frame
        best = "" if not self._metrics or self.best is None else f"; best {self.best.partition_key}"
        n = int(frame["status"].isin(WITH_DATA).sum())
        return f"<{self.asset}: {n:,} of {len(frame):,} partitions made{best}>"


def compare(project: Project, asset: Any, metrics: Mapping[str, Any] | None = None) -> Board:
    """The board of an asset; see `Workspace.compare`.

    Raises `UnknownNameError` for an asset that is none and for a metric that no run logged, `DeclarationError` for a
    source and for metrics that cannot be.
    """
    node = refresh_registry(project)[name_of(asset)]
    if node.definition.is_source:
        raise DeclarationError(f"{node.name} is a source: no run of it logs metrics.")
    rules = read_metrics(node.name, metrics) if metrics is not None else dict(node.definition.metrics)
    board = Board(project, node, rules)
    if metrics is not None:
        _check_logged(board, rules)
    return board


def _check_logged(board: Board, metrics: Mapping[str, Metric]) -> None:
    known = board.read().logged
    for name in metrics:
        if not {name, metric_column(name), f"{METRIC}{name}"}.intersection(known):
            raise UnknownNameError(f"no run of {board.asset} logged {name!r}; {nearest(name, known)}")
