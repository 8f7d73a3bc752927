"""What the widget of a board shows and does, on a project."""

from __future__ import annotations

from collections.abc import Callable

from nbpart.backfill.registry import Node
from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.distributions import Interval
from nbpart.partitions.parameters import Parameter
from nbpart.partitions.values import Value
from nbpart.project.project import Project
from nbpart.project.run_actions import ProjectRunActions
from nbpart.trials.compared import Compared
from nbpart.widgets.board_model import BoardModel, ColumnFacts, make_board
from nbpart.widgets.tables import board_html


class ComparedActions(ProjectRunActions):
    """Implements `nbpart.widgets.board.BoardActions`; ``read`` gives the board as the catalog knows it now."""

    def __init__(self, project: Project, node: Node, read: Callable[[], Compared]) -> None:
        super().__init__(project)
        self._asset, self._read = node.name, read
        self._parameters = find_parameters(node.partitions)
        self._made: tuple[Compared, BoardModel] | None = None

    def read_board(self) -> BoardModel:
        compared = self._read()
        if self._made is None or self._made[0] is not compared:
            facts = ColumnFacts(
                compared.own,
                compared.settings,
                compared.logged,
                {name: _is_log(parameter) for name, parameter in self._parameters.items()},
                {name: metric.direction for name, metric in compared.metrics.items()},
                {name: _list_options(parameter) for name, parameter in self._parameters.items()},
            )
            board = make_board(self._asset, compared.frame, facts, compared.best_row, compared.constant)
            self._made = compared, board
        return self._made[1]

    def read_html(self) -> str:
        compared = self._read()
        return board_html(self._asset, compared.frame, compared.best_row, compared.constant)


def find_parameters(definition: PartitionsDefinition | None) -> dict[str, Parameter]:
    """The declared parameter of each column of a set that is one, also of its dimensions and its parent."""
    if definition is None:
        return {}
    found = {parameter.name: parameter for parameter in definition.parameters or ()}
    inner = {name: find_parameters(part) for name, part in definition.parts}
    for column in definition.columns:
        if column.part is not None and column.of is not None and column.of.name in inner[column.part]:
            found[column.name] = inner[column.part][column.of.name]
    return found


def _is_log(parameter: Parameter) -> bool | None:
    """Whether the logarithms of a range are drawn evenly; None where no range says."""
    return parameter.distribution.is_log if isinstance(parameter.distribution, Interval) else None


def _list_options(parameter: Parameter) -> tuple[Value, ...]:
    """The values that were declared one by one, in their order."""
    drawn = parameter.distribution
    return parameter.choices or (tuple(drawn.values or ()) if drawn is not None and drawn.is_list else ())
