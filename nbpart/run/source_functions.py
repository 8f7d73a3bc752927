"""Calling the functions of a source that is no file: ``load`` in a run, ``version`` in a child process.

The child executes `main`: JSON comes in by its standard input, JSON goes out by its standard output, and what the
function prints goes to its standard error.
"""

from __future__ import annotations

import datetime
import importlib
import json
import linecache
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from nbpart.assets.source_reading import FunctionCode
from nbpart.errors import DeclarationError


def define_function(of: str, code: FunctionCode) -> Callable[..., Any]:
    """The function of what ``of`` names, as ``source visits``.

    Raises `DeclarationError` where its module has none of that name any more.
    """
    for folder in dict.fromkeys([code.folder, code.root]):
        if folder and folder not in sys.path:
            sys.path.insert(0, folder)
    if code.source:
        name = f"<{of}: {code.call}>"
        namespace: dict[str, Any] = {"__name__": "__nbpart_source__"}
        linecache.cache[name] = len(code.source), None, code.source.splitlines(keepends=True), name
        # the user's own code, kept when the user registered it
        exec(compile(code.source, name, "exec"), namespace)  # noqa: S102
        found = namespace[code.call]
    else:
        found = importlib.import_module(code.module)
        for part in code.call.split("."):
            found = getattr(found, part, None)
    if not callable(found):
        raise DeclarationError(
            f"{of}: module {code.module!r} has no function {code.call!r} any more; declare it again."
        )
    result: Callable[..., Any] = found
    return result


def match_versions(keys: Iterable[str], answer: Any) -> dict[str, str]:
    """The versions that a function gave, as texts by key; a key that it left out, or gave None for, is not there.

    A date or time stands for the key that spells it. Raises DeclarationError for an answer that is no dict, or that is
    about other keys only.
    """
    if not isinstance(answer, Mapping):
        raise DeclarationError(f"it gave {type(answer).__name__} {answer!r:.60} in place of a dict: key -> version.")
    asked, found, others = set(keys), dict[str, str](), []
    for key, version in answer.items():
        text = next((text for text in _spell_key(key) if text in asked), None)
        if text is None:
            others.append(key)
        elif (spelled := spell_version(version)) is not None:
            found[text] = spelled
    if others and len(others) == len(answer) and asked:
        raise DeclarationError(f"it gave versions of {others[0]!r:.60} and the like, and was asked for {min(asked)!r}.")
    return found


def spell_version(version: Any) -> str | None:
    """A version as text; None where there is nothing."""
    if hasattr(version, "item") and not getattr(version, "shape", None):  # of numpy
        version = version.item()
    if version is None or (isinstance(version, float) and math.isnan(version)) or str(version) == "NaT":
        return None
    return version.isoformat() if isinstance(version, datetime.date) else str(version)


def _spell_key(key: Any) -> Iterator[str]:
    yield str(key)
    if isinstance(key, datetime.date):
        yield key.isoformat()
        if not isinstance(key, datetime.datetime) or key.time() == datetime.time():
            yield f"{key:%Y-%m-%d}"
            if key.day == 1:
                yield f"{key:%Y-%m}"
        if isinstance(key, datetime.datetime):
            yield f"{key:%Y-%m-%dT%H:%M}"


def _answer(task: Mapping[str, Any]) -> dict[str, Any]:
    function = define_function(f"source {task['source']}", FunctionCode(**task["code"]))
    if task["keys"] is None:
        version = spell_version(function())
        return {"versions": {} if version is None else {"": version}}
    return {"versions": match_versions(task["keys"], function(list(task["keys"])))}


def main() -> None:
    """Answer one question, as `nbpart.backfill.source_child` asks it."""
    task = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        os.chdir(task["code"]["folder"])
        result = _answer(task)
    except BaseException as error:  # noqa: BLE001 - also SystemExit: whatever it is, it is told
        traceback.print_exc()
        text = str(error) if isinstance(error, DeclarationError) else f"{type(error).__name__}: {error}"
        result = {"error": text}
    sys.stdout.flush()
    json.dump(result, out)
    out.close()
