"""The types of what pages are sent about a board; see `nbpart.widgets.payloads`."""

from __future__ import annotations

from typing import TypedDict

from nbpart.widgets.payloads import RunStatusName


class BoardColumnJson(TypedDict):
    """A column of a board: ``role`` is parameter, setting, metric or fact; ``kind`` number, time or category.

    Its values are in the buffer: of a category the places of ``labels``, of a time milliseconds since 1970. ``better``
    is max, min or "".
    """

    name: str
    role: str
    kind: str
    whole: bool
    log: bool
    better: str
    labels: list[str]


class BoardJson(TypedDict):
    """A board without its values, best first; ``best`` is a row or null, ``more`` rows are not sent."""

    asset: str
    keys: list[str | None]
    run_ids: list[str | None]
    columns: list[BoardColumnJson]
    best: int | None
    early: list[int]
    constant: str
    more: int


class BoardPatch(TypedDict):
    """A board whose values are in the buffer: column by column, numbers of 64 bits, nan where there is none."""

    board: BoardJson


class ChosenJson(TypedDict):
    """What is chosen: rows by their keys, or ranges and labels by column; ``by`` is the page that chose it.

    ``count`` partitions; ``code`` is the line that runs them, "" where nothing is chosen.
    """

    keys: list[str | None]
    ranges: dict[str, tuple[float | None, float | None]]
    labels: dict[str, list[str]]
    count: int
    code: str
    by: str


class ChosenPatch(TypedDict):
    """What is chosen now."""

    chosen: ChosenJson


class BoardState(TypedDict):
    """The state of a board."""

    board: BoardJson
    values: bytes
    chosen: ChosenJson
    home: str


class BoardRunJson(TypedDict):
    """A run of a board; ``notebook`` is the absolute path of the executed notebook, null where there is none."""

    id: str
    status: RunStatusName
    is_live: bool
    attempt: int
    notebook: str | None
    error: str
