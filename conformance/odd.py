"""Compares, cell by cell, what nbpart's engine makes of our odd notebooks with what a stock kernel makes of them.

    python -m conformance odd            (or odd/NAME for one of them)

Where they differ both are executed once more. A difference that is there each time is one; one that comes and goes is
one too, where the stock kernel is steady. Where that is not, nothing is known.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from conformance.environment import BUILD, PYTHON, ROOT, make_environment, pip
from conformance.odd_comparison import Parts, first_difference, parts_of
from conformance.odd_notebooks import REQUIREMENTS, find_notebooks
from conformance.odd_notebooks.notebook import OddNotebook

NAME = "odd"
STOCK, OURS = "stock", "nbpart"
_LIMIT_S = 3600
_FOLDER = BUILD / "odd"
Results = Mapping[str, Parts]


def compare(names: Sequence[str] = ()) -> int:
    """Compare the notebooks of these names, or all, and print a line for each; returns how many differ."""
    make_environment()
    pip("install", *REQUIREMENTS)
    shutil.rmtree(_FOLDER, ignore_errors=True)
    notebooks = find_notebooks(names)
    # the folders' names are equally long, as far as what is shown depends on that
    first = _execute(notebooks, {STOCK: "first-stock-", OURS: "first-nbpart"})
    differing = [odd for odd in notebooks if judge([first[STOCK][odd.name]], [first[OURS][odd.name]])[0] != SAME]
    again = _execute(differing, {STOCK: "again-stock-", OURS: "again-nbpart"}) if differing else first
    count = 0
    for odd in notebooks:
        verdict, difference = "same", ""
        if odd in differing:
            rounds = [(each[STOCK][odd.name], each[OURS][odd.name]) for each in (first, again)]
            verdict, difference = judge(*zip(*rounds, strict=True))
        count += verdict in (DIFFERS, AT_TIMES, NOT_RUN)
        print(f"  {odd.name:<34}{verdict:<10}{difference}", flush=True)
    print(f"{len(notebooks)} odd notebooks, of which {count} differ" if count else f"{len(notebooks)} odd notebooks")
    return count


SAME, DIFFERS, AT_TIMES, UNSTEADY, NOT_RUN = "same", "differs", "at times", "unsteady", "not run"


def judge(stock: Sequence[Parts], ours: Sequence[Parts]) -> tuple[str, str]:
    """What two executions by each way come to, and the first difference."""
    if reasons := [each[NOT_RUN] for each in (*stock, *ours) if NOT_RUN in each]:
        return NOT_RUN, str(reasons[0])
    found: dict[str, str] = {}
    for name in [*stock[0], *(name for name in ours[0] if name not in stock[0])]:
        theirs = [each.get(name) for each in stock]
        differences = [_shortest(theirs, each.get(name)) for each in ours]
        if not any(differences):
            continue
        difference = f"{name}, {next(filter(None, differences))}"
        is_steady = all(first_difference(theirs[0], each) is None for each in theirs)
        found.setdefault((DIFFERS if all(differences) else AT_TIMES) if is_steady else UNSTEADY, difference)
    verdict = next((each for each in (DIFFERS, AT_TIMES, UNSTEADY) if each in found), SAME)
    return verdict, found.get(verdict, "")


def _shortest(theirs: Sequence[object], own: object) -> str | None:
    """The difference from the first of them, None where there is none from any."""
    differences = [first_difference(each, own) for each in theirs]
    return None if None in differences else differences[0]


def _execute(notebooks: Sequence[OddNotebook], folders: Mapping[str, str]) -> Mapping[str, Results]:
    """What comes of them, by the way and the name; both ways at once."""
    processes = {}
    for way, place in folders.items():
        folder = _FOLDER / place
        folder.mkdir(parents=True)
        command = [str(PYTHON), "-m", "conformance.odd_execution", way, str(folder), *(odd.name for odd in notebooks)]
        path = os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", "")])
        with (folder / "log.txt").open("w") as log:
            processes[way] = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
    for process in processes.values():
        process.wait(_LIMIT_S)
    return {way: {odd.name: _read(odd, way, place) for odd in notebooks} for way, place in folders.items()}


def _read(odd: OddNotebook, way: str, place: str) -> Parts:
    folder = _FOLDER / place
    path = folder / f"{odd.name}.json"
    if not path.exists():
        return {NOT_RUN: f"{folder / 'log.txt'} says why"}
    return parts_of(odd, json.loads(path.read_text("utf-8")), str(folder / odd.name))
