"""Choosing among the partitions of an asset by what their runs logged, and what to try next."""

from nbpart.trials.board import Board, compare
from nbpart.trials.study import Study, make_study
from nbpart.trials.study_grower import make_grower

__all__ = ["Board", "Study", "compare", "make_grower", "make_study"]
