"""What the widget of a board shows and does, on a project."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.distributions import Interval
from nbpart.project.project import Project
from nbpart.project.run_actions import ProjectRunActions
from nbpart.trials.compared import Compared
from nbpart.widgets.board_choice import BoardChoice, find_chosen, spell_where
from nbpart.widgets.board_model import BoardModel, ColumnFacts, make_board
from nbpart.widgets.tables import board_html

#: A condition of more characters is not shown: the keys are taken of the board instead.
_MOST_SHOWN = 2_000


class ComparedActions(ProjectRunActions):
    """Implements `nbpart.widgets.board.BoardActions`; ``read`` gives the board as the catalog knows it now."""

    def __init__(self, project: Project, asset: str, logs: Mapping[str, bool], read: Callable[[], Compared]) -> None:
        super().__init__(project)
        self._asset, self._logs, self._read = asset, logs, read
        self._made: tuple[Compared, BoardModel] | None = None

    def read_board(self) -> BoardModel:
        compared = self._read()
        if self._made is None or self._made[0] is not compared:
            facts = ColumnFacts(
                compared.own,
                compared.settings,
                compared.logged,
                self._logs,
                {name: metric.direction for name, metric in compared.metrics.items()},
            )
            board = make_board(self._asset, compared.frame, facts, compared.best_row, compared.constant)
            self._made = compared, board
        return self._made[1]

    def read_html(self) -> str:
        compared = self._read()
        return board_html(self._asset, compared.frame, compared.best_row, compared.constant)

    def count_chosen(self, choice: BoardChoice) -> tuple[int, str]:
        board = self.read_board()
        where = spell_where(board, choice)
        spelled = f"where={where!r}" if len(where) <= _MOST_SHOWN else "keys=board.selection"
        code = f"ws.backfill({self._asset!r}, {spelled})" if where else ""
        return int(find_chosen(board, choice).sum()), code


def find_logs(definition: PartitionsDefinition | None) -> dict[str, bool]:
    """Of each column of a set whose values are drawn from a range, whether their logarithms are drawn evenly."""
    if definition is None:
        return {}
    found = {}
    inner = {name: find_logs(part) for name, part in definition.parts}
    for column in definition.columns:
        if column.part is not None and column.of is not None and column.of.name in inner[column.part]:
            found[column.name] = inner[column.part][column.of.name]
    for parameter in definition.parameters or ():
        if isinstance(parameter.distribution, Interval):
            found[parameter.name] = parameter.distribution.is_log
    return found
