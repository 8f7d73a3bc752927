"""What IPython offers in the strings of a call: names of assets, keys, columns; nothing of the cell is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import nbpart
from nbpart.errors import CatalogBusyError
from nbpart.project.completions import MOST, complete_keys
from nbpart.workspace.completing import complete_call, offer_completions

KEYS = ["a.csv", "b b.csv", 'q"uote.csv', "back\\slash.csv", "ä.csv"]


@pytest.fixture
def names(ws: nbpart.Workspace) -> dict[str, Any]:
    """The variables of a notebook."""
    files = ws.dynamic_partitions("files", columns={"batch": str})
    files.add_rows([{"key": key, "batch": "x"} for key in KEYS], key="key")

    @ws.asset(partitions=files, metrics={"accuracy": "max"})
    def cleaned(partition_key: str) -> dict[str, str]:
        return {}

    @ws.asset
    def total(cleaned: Any) -> dict[str, str]:
        return {}

    ws.source("inbox", "in/{partition_key}", partitions=files)
    return {"ws": ws, "cleaned": cleaned, "files": files, "text": "cleaned"}


def offered(names: dict[str, Any], before: str) -> list[str]:
    offer = complete_call(before, names)
    return [] if offer is None else list(offer.texts)


OFFERED = [
    ('ws.backfill("', ["cleaned", "inbox", "total"]),
    ("ws.backfill('cl", ["cleaned"]),
    ('ws.backfill("+cl', ["+cleaned"]),
    ('x = 3\nws.plan(["total", "cl', ["cleaned"]),
    ('ws.partition_status("t', ["total"]),
    ('ws.edit("cleaned", "a', ["a.csv"]),
    ('ws.edit("cleaned", partition_key="b ', ["b b.csv"]),
    ('ws.plan("+cleaned", keys=["a.csv", "b', ["b b.csv", "back\\\\slash.csv"]),
    ('ws.why("cleaned", "q', ['q\\"uote.csv']),
    ("ws.why('cleaned', 'q", ['q"uote.csv']),
    ('ws.why("cleaned", "back', ["back\\\\slash.csv"]),
    ('ws.why("cleaned", "back\\\\s', ["back\\\\slash.csv"]),
    ('cleaned.load("ä', ["ä.csv"]),
    ('cleaned.backfill(keys="a', ["a.csv"]),
    ('ws.plan("cleaned", where="ba', ["batch"]),
    ('ws.plan("cleaned", where="batch = \'x\' and acc', ["accuracy"]),
    ('ws.plan("cleaned", where="sta', ["status"]),
    ('x = ws.assets["c', ["cleaned"]),
    ("ws.assets[ '", ["cleaned", "inbox", "total"]),
    ('ws.partition_sets["f', ["files"]),
    ('ws.triggers["', []),
    ('ws.backfills["', []),
    ('ws.assets["cleaned"].na', []),
    ('text.assets["c', []),
    # nothing is known, or nothing is asked
    ('ws.backfill("cleaned", "zzz', []),
    ('ws.backfill("total", "', []),
    ('ws.backfill("nosuch", "', []),
    ('print("cl', []),
    ("ws.backfill(cl", []),
    ('ws.backfill("cleaned")', []),
    ('other.backfill("cl', []),
    ('text.load("cl', []),
    ('ws.why("cleaned", "\\', []),
    ('ws.why("cleaned", "\\x', []),
    ('f(ws.root, "cl', []),
]


@pytest.mark.parametrize(("before", "texts"), OFFERED, ids=[before for before, _ in OFFERED])
def test_what_is_offered(names: dict[str, Any], before: str, texts: list[str]) -> None:
    assert offered(names, before) == texts


def test_some_hundred_keys_are_offered_at_most(names: dict[str, Any], ws: nbpart.Workspace) -> None:
    names["files"].add([f"n{n}" for n in range(1000)])
    found = complete_keys(ws.project, "cleaned", "n")
    assert found == [f"n{n}" for n in range(MOST)]
    assert complete_keys(ws.project, "cleaned", "n99") == ["n99", *(f"n99{n}" for n in range(10))]


def test_a_catalog_that_is_busy_offers_nothing_and_raises_nothing(
    names: dict[str, Any], ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise CatalogBusyError("busy")

    monkeypatch.setattr(ws.project.catalog, "read", refuse)
    monkeypatch.setattr(type(ws.project), "registry", refuse)
    assert offered(names, 'ws.backfill("cl') == []
    assert offered(names, 'ws.edit("cleaned", "a') == []
    assert offered(names, 'ws.plan("cleaned", where="sta') == []


@pytest.fixture
def shell() -> Iterator[Any]:
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_ipython_completes_calls_and_items(shell: Any, names: dict[str, Any]) -> None:
    for _ in range(2):
        offer_completions()
    assert sum(getattr(one, "is_nbpart", False) for one in shell.Completer.custom_matchers) == 1
    shell.user_ns.update(names)
    shell.user_ns["assets"] = names["ws"].assets

    def complete(text: str) -> list[str]:
        with provisionalcompleter():
            found = list(shell.Completer.completions(text, len(text)))
        return [text[: one.start] + one.text + text[one.end :] for one in found]

    assert complete('ws.backfill("cl') == ['ws.backfill("cleaned']
    assert complete('y = 1\nws.edit("cleaned", "b ') == ['y = 1\nws.edit("cleaned", "b b.csv']
    assert complete('assets["to') == ['assets["total']
    assert "ws.backfill" in complete("ws.backf")


def test_what_is_asked_by_name_offers_its_names(ws: nbpart.Workspace, names: dict[str, Any]) -> None:
    @ws.sensor(every="30s")
    def look(context: Any) -> None: ...

    assert ws.assets._ipython_key_completions_() == list(ws.assets)
    assert ws.triggers._ipython_key_completions_() == ["look"]
    assert ws.backfills._ipython_key_completions_() == []
