"""Choosing among the partitions of an asset by what their runs logged."""

from nbpart.trials.board import Board, compare

__all__ = ["Board", "compare"]
