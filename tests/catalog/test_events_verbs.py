"""Whatever verbs do in whatever order, the stored facts are those that the events give."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.catalog import Batch, Catalog, VerbEvent, events, queries
from nbpart.catalog.check import check
from nbpart.catalog.queries.prune import create_prunable
from nbpart.catalog.queries.verbs import create_chosen, load_acceptable, stage_partitions
from nbpart.states import RunStatus, Verb
from nbpart.storage import FileRecord
from tests.catalog.story import Story

KEYS = ("a", "b", "c")
ASSETS = ("counts", "report", "cohort")
_numbers = itertools.count()
CHOSEN = "verb_chosen"


def wipe(batch: Batch, story: Story) -> None:
    events.wipe_partitions(batch, CHOSEN, VerbEvent(Verb.WIPED, "ana"))


def accept(batch: Batch, story: Story) -> None:
    table = load_acceptable(batch, CHOSEN).to_pandas().dropna(subset=["materialization_id"])
    table = table[table["state"].isin(["good", "wiped", "deleted"]) & ~table["is_current"]]
    ids = (table[name].to_numpy(dtype=np.int64) for name in ("asset_id", "key_id", "materialization_id"))
    stage_partitions(batch, "accepted", *ids)
    events.accept_materializations(batch, "accepted", VerbEvent(Verb.ACCEPTED, "ana"))


def prune(batch: Batch, story: Story) -> None:
    create_prunable(batch, CHOSEN, "verb_pruned")
    events.mark_pruned(batch, "verb_pruned", VerbEvent(Verb.PRUNED, "ana"))


def erase(batch: Batch, story: Story) -> None:
    events.erase_partitions(batch, CHOSEN, VerbEvent(Verb.ERASED, "ana"))


def adopt(batch: Batch, story: Story) -> None:
    for asset_id, key_id in batch.rows("SELECT asset_id, key_id FROM verb_chosen"):
        file = FileRecord("", "file", "json", f"adopted:{asset_id}-{key_id}", data_version=f"v{next(_numbers) % 2}")
        events.adopt_files(batch, asset_id, np.array([key_id]), [file], VerbEvent(Verb.ADOPTED, "ana"))


VERBS: dict[str, Callable[[Batch, Story], None]] = {
    "wipe": wipe, "accept": accept, "prune": prune, "erase": erase, "adopt": adopt,
}  # fmt: skip
action = st.sampled_from([*VERBS, "make", "make", "make", "fail", "code"])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(action, st.sampled_from(ASSETS), st.sampled_from(KEYS), st.booleans()), max_size=8))
def test_facts_are_those_of_the_events(shared_catalog: Catalog, steps: list[tuple[str, str, str, bool]]) -> None:
    number = next(_numbers)
    story = Story(shared_catalog)
    story.add(*KEYS)
    names = {name: f"{name}{number}" for name in ASSETS}
    story.register(names["counts"])
    story.register(names["report"], (names["counts"], "same"))
    story.register(names["cohort"], (names["counts"], "all"), set_id=0)
    for place, (what, asset, key, every) in enumerate(steps):
        own = None if asset == "cohort" else key
        if what == "make":
            story.make(names[asset], own, f"{place % 2}")
        elif what == "fail":
            [run_no] = story.claim(names[asset], own)
            assert run_no is not None
            story.start(run_no)
            story.end(run_no, RunStatus.FAILED)
        elif what == "code":
            read = {"counts": [], "report": [(names["counts"], "same")], "cohort": [(names["counts"], "all")]}[asset]
            story.register(names[asset], *read, code=f"c{place}", set_id=0 if asset == "cohort" else None)
        else:
            story.catalog.write(lambda batch, v=what, a=asset, k=own, e=every: _act(batch, story, v, names[a], k, e))
    # of its own assets: an example that failed is found again smaller, and not in all that follow it
    found = story.catalog.read(check)
    assert [each for each in found if each.asset in names.values()] == []


def _act(batch: Batch, story: Story, verb: str, asset: str, key: str | None, every: bool) -> None:
    ids = None if every else np.array([queries.find_key(batch, story.ids[asset], key)])
    create_chosen(batch, {story.ids[asset]: ids})
    VERBS[verb](batch, story)
