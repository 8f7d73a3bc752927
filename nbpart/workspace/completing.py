"""Completing names of assets, keys and columns in the strings of a call, as ``ws.backfill("<Tab>``, in IPython.

One function in the list that IPython keeps for this (``Completer.custom_matchers``); nothing of IPython is changed. It
only reads the text before the cursor and looks up one variable by its name: nothing of the cell is evaluated.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nbpart.errors import NbpartError
from nbpart.project.completions import MOST, complete_assets, complete_columns, complete_keys
from nbpart.project.project import Project
from nbpart.workspace.bound import BoundAsset
from nbpart.workspace.workspace import Workspace

#: Methods of a workspace whose second argument is a key of the asset that the first one names.
_TAKE_KEY = ("plan", "backfill", "materialize", "load", "edit", "why", "inputs", "readers", "runs", "accept", "wipe",
             "history", "check_data")  # fmt: skip
#: Those whose first argument names an asset.
_TAKE_ASSET = (*_TAKE_KEY, "partition_status", "compare", "status", "graph", "heatmap", "adopt", "prune", "table",
               "run_checks", "remove_asset")  # fmt: skip
_OF_ASSET = ("materialize", "load")
_CALL = re.compile(r"(?P<object>[A-Za-z_]\w*)\.(?P<method>\w+)\((?P<given>[^()]*)$")
_ITEM = re.compile(r"(?P<object>[A-Za-z_]\w*)\.(?P<of>assets|partition_sets|triggers|backfills)\[\s*(?P<rest>['\"].*)$")
_FIRST = re.compile(r"\s*\[?\s*((\"[^\"]*\"|'[^']*')\s*,\s*)*")
_ONE = re.compile(r"\s*(\"(?P<a>[^\"]*)\"|'(?P<b>[^']*)')\s*,\s*(keys\s*=\s*|partition_key\s*=\s*)?(\[[^\]]*)?")
_KEYS = re.compile(r".*\b(keys|partition_key)\s*=\s*(\[[^\]]*)?", re.DOTALL)
_WHERE = re.compile(r".*\bwhere\s*=\s*\(?\s*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]?\w*$")


@dataclass(frozen=True)
class Offer:
    """What may stand in place of the ``fragment`` before the cursor."""

    fragment: str
    texts: tuple[str, ...]


def complete_call(before: str, variables: Mapping[str, Any]) -> Offer | None:
    """What a string that is being typed may become, by the text ``before`` the cursor; None where nothing is known."""
    if (item := _ITEM.search(before)) is not None:
        return _complete_item(variables.get(item["object"]), item["of"], item["rest"])
    call = _CALL.search(before)
    held = None if call is None else variables.get(call["object"])
    if call is None or not isinstance(held, Workspace | BoundAsset):
        return None
    opened = _find_open_string(call["given"])
    if opened is None:
        return None
    quote, typed, given = opened
    project = held.project
    if project is None:
        return None
    asset, may_be_asset = (held.name, False) if isinstance(held, BoundAsset) else (_name_in(given), True)
    if asset is not None and _WHERE.fullmatch(given):
        fragment = _NAME.search(typed)
        return None if fragment is None else Offer(fragment[0], tuple(complete_columns(project, asset, fragment[0])))
    return _complete_whole(project, call["method"], (quote, typed, given), asset, may_be_asset=may_be_asset)


def _complete_item(held: Any, of: str, typed: str) -> Offer | None:
    """An offer for ``ws.assets["<Tab>``, whose names IPython does not ask for behind a property."""
    quote, beginning = typed[0], typed[1:]
    if not isinstance(held, Workspace) or quote in beginning or "\\" in beginning:
        return None
    try:
        names = list(getattr(held, of))
    except NbpartError:
        return None
    newest_first = names[::-1] if of == "backfills" else names
    found = [name for name in newest_first if name.startswith(beginning)][:MOST]
    return Offer(beginning, tuple(_spell(name, quote) for name in found))


def _complete_whole(
    project: Project, method: str, opened: tuple[str, str, str], asset: str | None, *, may_be_asset: bool
) -> Offer | None:
    """An offer for a string that is an asset or a key as a whole."""
    quote, typed, given = opened
    try:
        beginning = str(ast.literal_eval(f"{quote}{typed}{quote}"))
    except (ValueError, SyntaxError):
        return None
    if may_be_asset and method in _TAKE_ASSET and _FIRST.fullmatch(given) and not _is_second(given):
        plus = "+" if beginning.startswith("+") else ""
        found = [f"{plus}{name}" for name in complete_assets(project, beginning.removeprefix("+"))]
    elif asset is not None and (_KEYS.fullmatch(given) or _takes_key(method, given, may_be_asset=may_be_asset)):
        found = complete_keys(project, asset, beginning)
    else:
        return None
    return Offer(typed, tuple(_spell(text, quote) for text in found))


def _takes_key(method: str, given: str, *, may_be_asset: bool) -> bool:
    if may_be_asset:
        return method in _TAKE_KEY and _ONE.fullmatch(given) is not None
    return method in _OF_ASSET and not given.strip()


def _is_second(given: str) -> bool:
    """Whether an argument stands before the one that is typed, and not just another of one list."""
    return "," in given and not given.lstrip().startswith("[")


def _name_in(given: str) -> str | None:
    """The asset that the first argument names, as a text."""
    found = re.match(r"\s*(\"(?P<a>[^\"]*)\"|'(?P<b>[^']*)')\s*,", given)
    return None if found is None else (found["a"] or found["b"] or "").strip("+")


def _find_open_string(given: str) -> tuple[str, str, str] | None:
    """The quote of the string in which a text ends, what of it is there, and what stands before it; None outside."""
    quote, start, n = "", 0, 0
    while n < len(given):
        if quote and given[n] == "\\":
            n += 1
        elif given[n] == quote:
            quote = ""
        elif not quote and given[n] in "'\"":
            quote, start = given[n], n
        n += 1
    return (quote, given[start + 1 :], given[:start]) if quote else None


def _spell(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}")


def offer_completions() -> None:
    """Let IPython complete calls of workspaces, where this is a session of one that can; only the first call counts."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    matchers = getattr(getattr(shell, "Completer", None), "custom_matchers", None)
    if shell is None or not isinstance(matchers, list) or any(getattr(m, "is_nbpart", False) for m in matchers):
        return
    matchers.append(_make_matcher(shell))


def _make_matcher(shell: Any) -> Callable[[Any], Any]:
    from IPython.core.completer import SimpleCompletion, context_matcher

    def complete_nbpart(context: Any) -> dict[str, Any]:
        lines = context.full_text.split("\n")[: context.cursor_line]
        before = "\n".join([*lines, context.text_until_cursor])
        offer = complete_call(before, shell.user_ns)
        if offer is None:
            return {"completions": []}
        found = [SimpleCompletion(text, type="text") for text in offer.texts]
        return {"completions": found, "matched_fragment": offer.fragment, "suppress": bool(found), "ordered": True}

    matcher: Callable[[Any], Any] = context_matcher(identifier="nbpart")(complete_nbpart)
    matcher.is_nbpart = True  # type: ignore[attr-defined]
    return matcher
