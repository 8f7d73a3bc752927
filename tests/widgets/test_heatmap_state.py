from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbpart.catalog import Catalog, events
from nbpart.catalog.queries import cells
from nbpart.errors import UnknownNameError
from nbpart.partitions import DynamicPartitions
from nbpart.states import STATUS_CODES, RunStatus, StepStatus
from nbpart.states import PartitionStatus as P
from nbpart.widgets.heatmap_bands import ViewOptions
from nbpart.widgets.heatmap_selection import OutOfDateError
from nbpart.widgets.heatmap_state import HeatmapState
from nbpart.widgets.heatmap_views import Patch, View
from nbpart.widgets.schema import BadRequest
from tests.catalog.story import Story
from tests.widgets import heatmap_scenes as scenes

MISSING, STALE, QUEUED, RUNNING, FAILED, MADE = (STATUS_CODES[s] for s in P)


class Shown:
    """A page that keeps what a state publishes."""

    def __init__(self, catalog: Catalog, assets: list[str] | None = None, options: ViewOptions | None = None) -> None:
        self.n_views = 0
        self.patches: list[Patch] = []
        self.state = HeatmapState(catalog, assets, options, publish=self._take)
        self._draw(self.state.view())

    def _take(self, patch: Patch | None) -> None:
        if not hasattr(self, "state"):
            return
        if patch is None:
            self.n_views += 1
            self._draw(self.state.view())
            return
        self.patches.append(patch)
        self._patch(patch)

    def _draw(self, view: View) -> None:
        self.head = view.head
        data, at = np.frombuffer(zlib.decompress(view.cells), np.uint8), 0
        self.status: list[list[np.ndarray]] = []
        self.levels: list[list[np.ndarray]] = []
        for band in view.head["bands"]:
            for arrays, n in ((self.status, 1), (self.levels, view.head["color_by"] != "status")):
                rows = len(band["rows"]) * n
                arrays.append([data[at + r * band["shown"] : at + (r + 1) * band["shown"]].copy() for r in range(rows)])
                at += rows * band["shown"]
            at += 4 * len(band["grid"]["columns"]) * len(band["grid"]["rows"]) if band["grid"] else 0
        assert at == len(data)

    def _patch(self, patch: Patch) -> None:
        for number, news in patch.head["bands"].items():
            grown = news["shown"] - self.head["bands"][number]["shown"]
            self.head["bands"][number].update(news)
            self.status[number] = [np.pad(row, (0, grown)) for row in self.status[number]]
            self.levels[number] = [np.pad(row, (0, grown)) for row in self.levels[number]]
        at = 0
        for band, row, n in patch.head["parts"]:
            places = np.frombuffer(patch.places, "<u4")[at : at + n]
            self.status[band][row][places] = np.frombuffer(patch.status, np.uint8)[at : at + n]
            if patch.levels:
                self.levels[band][row][places] = np.frombuffer(patch.levels, np.uint8)[at : at + n]
            at += n

    def check(self) -> None:
        """What was patched together is what a new state shows."""
        fresh = Shown(self.state._catalog, self.state._assets and list(self.state._assets), self.state.options)
        assert [[row.tolist() for row in band] for band in self.status] == [
            [row.tolist() for row in band] for band in fresh.status
        ]
        assert [band["counts"] for band in self.head["bands"]] == [band["counts"] for band in fresh.head["bands"]]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = scenes.open_scene(tmp_path)
    yield catalog
    catalog.close()


def make(catalog: Catalog, *codes: list[int], names: str = "abcdef") -> list[int]:
    set_id = scenes.add_set(catalog, "files", [f"{n}.csv" for n in range(len(codes[0]))])
    ids = list(scenes.add_assets(catalog, set_id, list(names[: len(codes)])).values())
    for asset_id, own in zip(ids, codes, strict=True):
        scenes.set_statuses(catalog, asset_id, own)
    return ids


def set_id_of(catalog: Catalog, name: str = "files") -> int:
    return catalog.write(lambda b: events.ensure_set(b, DynamicPartitions(name)))


def test_a_band_a_set_a_row_an_asset_and_singles_last(tmp_path: Path) -> None:
    with_all = scenes.rich_scene(tmp_path)
    shown = Shown(with_all)
    bands = shown.head["bands"]
    assert [(b["set"], b["layout"], [r["name"] for r in b["rows"]]) for b in bands] == [
        ("files", "line", ["files_metadata", "processed_files"]),
        ("trials", "grid", ["model", "evaluation"]),
        ("", "cell", ["report"]),
    ]
    assert bands[1]["grid"]["across"] == "lr"
    assert shown.status[0][1].tolist() == [MADE] * 3 + [
        STALE,
        MADE,
        MADE,
        FAILED,
        MADE,
        QUEUED,
        RUNNING,
        0,
        0,
    ]
    assert bands[0]["counts"][0][FAILED] == 1
    assert [len(row) for row in shown.status[2]] == [1]
    with_all.close()


def test_assets_can_be_named_and_a_wrong_name_is_refused(catalog: Catalog) -> None:
    make(catalog, [MADE], [FAILED])
    assert [r["name"] for r in Shown(catalog, ["b"]).head["bands"][0]["rows"]] == ["b"]
    with pytest.raises(UnknownNameError, match="no asset or source 'c'"):
        Shown(catalog, ["c"])


def test_nothing_registered_is_no_band(catalog: Catalog) -> None:
    assert Shown(catalog).head["bands"] == []


def test_a_change_is_one_patch_of_what_changed(catalog: Catalog) -> None:
    a, b = make(catalog, [MADE] * 8, [MISSING] * 8)
    shown = Shown(catalog)
    scenes.change(catalog, b, 3, RUNNING)
    shown.state.update()
    [patch] = shown.patches
    assert patch.head["parts"] == [(0, 1, 1)]
    assert np.frombuffer(patch.places, "<u4").tolist() == [3]
    assert patch.status == bytes([RUNNING])
    assert shown.head["bands"][0]["counts"][1][RUNNING] == 1
    scenes.change(catalog, a, 0, FAILED)
    scenes.change(catalog, b, 3, MADE)
    shown.state.update()
    shown.check()
    assert shown.n_views == 0


def test_without_a_change_nothing_is_published(catalog: Catalog) -> None:
    [a] = make(catalog, [MADE] * 3)
    shown = Shown(catalog)
    shown.state.update()
    scenes.change(catalog, a, 1, MADE)  # the same status again
    shown.state.update()
    scenes.add_set(catalog, "elsewhere", ["x"])
    shown.state.update()
    assert (shown.patches, shown.n_views) == ([], 0)


def test_what_was_read_before_a_reload_is_read_again(catalog: Catalog) -> None:
    [a] = make(catalog, [MISSING] * 4)
    shown = Shown(catalog)
    scenes.change(catalog, a, 1, RUNNING)
    found = catalog.read(shown.state.read_changes)
    scenes.change(catalog, a, 1, MADE)
    shown.state.reload()
    shown.state.update(found)
    assert shown.status[0][0].tolist() == [MISSING, MADE, MISSING, MISSING]
    shown.check()


def test_keys_added_at_the_end_grow_the_band(catalog: Catalog) -> None:
    [a] = make(catalog, [MADE] * 3)
    shown = Shown(catalog)
    catalog.write(lambda b: events.add_keys(b, set_id_of_batch(b), ["new.csv", "newer.csv"]))
    scenes.change(catalog, a, 4, QUEUED)
    shown.state.update()
    assert shown.status[0][0].tolist() == [MADE, MADE, MADE, MISSING, QUEUED]
    assert (shown.n_views, shown.head["bands"][0]["n_keys"]) == (0, 5)
    shown.check()


def set_id_of_batch(batch: Any) -> int:
    return int(batch.value("SELECT set_id FROM partition_sets WHERE name = 'files'"))


def test_removed_and_returned_keys_and_new_assets_are_a_whole(catalog: Catalog) -> None:
    make(catalog, [MADE, FAILED, MADE])
    shown = Shown(catalog)
    set_id = set_id_of(catalog)
    catalog.write(lambda b: events.remove_keys(b, set_id, ["1.csv"]))
    shown.state.update()
    assert shown.status[0][0].tolist() == [MADE, MADE]
    catalog.write(lambda b: events.add_keys(b, set_id, ["1.csv"]))
    shown.state.update()
    assert shown.status[0][0].tolist() == [MADE, MADE, FAILED]
    scenes.add_assets(catalog, set_id, ["later"])
    shown.state.update()
    assert len(shown.status[0]) == 2
    assert shown.n_views == 3
    shown.check()


def test_a_filter_keeps_what_any_asset_has(catalog: Catalog) -> None:
    make(catalog, [MADE, FAILED, MADE, MADE], [MADE, MADE, FAILED, MISSING])
    shown = Shown(catalog)
    shown.state.set_options(ViewOptions(statuses=frozenset({FAILED})))
    assert [row.tolist() for row in shown.status[0]] == [[FAILED, MADE], [MADE, FAILED]]
    assert shown.head["bands"][0]["shown"] == 2
    assert shown.head["bands"][0]["n_keys"] == 4
    assert shown.state.keys(shown.head["view"], 0, [0, 1, 2]) == ["1.csv", "2.csv", None]


def test_a_filter_follows_what_comes_under_it_and_what_leaves(catalog: Catalog) -> None:
    [a] = make(catalog, [MADE, FAILED, MADE])
    shown = Shown(catalog, options=ViewOptions(statuses=frozenset({FAILED})))
    scenes.change(catalog, a, 2, FAILED)
    shown.state.update()
    assert shown.status[0][0].tolist() == [FAILED, FAILED]
    scenes.change(catalog, a, 1, RUNNING)
    scenes.change(catalog, a, 0, FAILED)  # as many as before, but others
    shown.state.update()
    shown.check()
    assert shown.state.keys(shown.head["view"], 0, [0, 1]) == ["0.csv", "2.csv"]


def test_the_text_filter_ignores_case_and_is_no_pattern(catalog: Catalog) -> None:
    set_id = scenes.add_set(catalog, "files", ["Aa_1", "bB%2", "aab3"])
    scenes.add_assets(catalog, set_id, ["a"])
    shown = Shown(catalog)
    for text, keys in (("AA", ["Aa_1", "aab3"]), ("%", ["bB%2"]), ("_", ["Aa_1"]), ("none", [])):
        shown.state.set_options(ViewOptions(text=text))
        found = shown.state.keys(shown.head["view"], 0, range(3))
        assert [key for key in found if key is not None] == keys


@pytest.mark.parametrize(
    ("sort_by", "keys"),
    [
        (None, ["b", "d", "a", "c"]),
        ("key", ["a", "b", "c", "d"]),
        ("status", ["a", "c", "d", "b"]),
        ("duration_s", ["d", "b", "a", "c"]),
        ("accuracy", ["b", "d", "a", "c"]),
    ],
)
def test_partitions_are_sorted(catalog: Catalog, sort_by: str | None, keys: list[str]) -> None:
    set_id = scenes.add_set(catalog, "files", ["b", "d", "a", "c"])
    [a] = scenes.add_assets(catalog, set_id, ["a"]).values()
    scenes.set_statuses(catalog, a, [MADE, STALE, FAILED, RUNNING], ([1.0, 5.0, 0, 0], [0.9, 0.2, 0, 0]))
    shown = Shown(catalog, options=ViewOptions(sort_by=sort_by))
    assert shown.state.keys(shown.head["view"], 0, range(4)) == keys


def test_colours_are_values(catalog: Catalog) -> None:
    set_id = scenes.add_set(catalog, "files", ["a", "b", "c"])
    [a] = scenes.add_assets(catalog, set_id, ["a"]).values()
    scenes.set_statuses(catalog, a, [MADE, MADE, FAILED], ([1.0, 3.0, 9], [0.1, 0.2, 0]))
    shown = Shown(catalog, options=ViewOptions(color_by="duration_s"))
    assert shown.levels[0][0].tolist() == [1, 255, 0]
    assert shown.head["bands"][0]["scale"] == {"low": 1.0, "high": 3.0, "is_log": False}
    assert shown.head["metrics"] == ["accuracy"]
    for name in ("ACCURACY", "metric.accuracy"):
        shown.state.set_options(ViewOptions(color_by=name))
        assert shown.levels[0][0].tolist() == [1, 255, 0]
    shown.state.set_options(ViewOptions(color_by="unheard_of"))
    assert shown.levels[0][0].tolist() == [0, 0, 0]
    assert shown.head["bands"][0]["scale"] is None


def test_a_value_that_the_scale_does_not_hold_makes_a_new_one(catalog: Catalog) -> None:
    set_id = scenes.add_set(catalog, "files", ["a", "b"])
    [a] = scenes.add_assets(catalog, set_id, ["a"]).values()
    shown = Shown(catalog, options=ViewOptions(color_by="duration_s"))
    scenes.set_statuses(catalog, a, [MADE, MISSING], ([2.0, 0], [0, 0]))
    shown.state.update()
    assert shown.levels[0][0].tolist() == [128, 0]
    scenes.set_statuses(catalog, a, [MADE, MADE], ([2.0, 4.0], [0, 0]))
    shown.state.update()
    assert shown.levels[0][0].tolist() == [1, 255]


def test_details_have_the_run_that_the_status_comes_from(catalog: Catalog) -> None:
    story = Story(catalog)
    story.add("a.csv", "b.csv")
    story.register("clean")
    story.make("clean", "a.csv", "content")
    [run_no] = story.claim("clean", "b.csv")
    assert run_no is not None
    story.start(run_no)
    story.end(run_no, RunStatus.FAILED, error_class="ValueError", error_message="no such file")
    shown = Shown(catalog)
    view = shown.head["view"]
    made, failed = (shown.state.details(view, 0, 0, place) for place in (0, 1))
    assert made is not None
    assert failed is not None
    assert (made.key, made.status, made.duration_s) == ("a.csv", P.MATERIALIZED, pytest.approx(0.1))
    assert made.run is not None
    assert made.run.run_no == 1
    assert failed.run is not None
    assert (failed.status, failed.run.error_class) == (P.FAILED, "ValueError")
    assert shown.state.details(view, 0, 0, 2) is None
    assert shown.state.details(view, 0, 1, 0) is None


def test_a_selection_names_few_keys_and_ranges_of_many(catalog: Catalog) -> None:
    make(catalog, [MADE] * 300, [FAILED] * 300)
    shown = Shown(catalog)
    view = shown.head["view"]
    selection = shown.state.select(view, 0, [1], [(4, 6), (2, 5)])
    assert (selection.assets, selection.ranges) == (("b",), ((2, 6),))
    assert selection.keys == ("2.csv", "3.csv", "4.csv", "5.csv")
    large = shown.state.select(view, 0, [0, 1], [(0, 10_000)])
    assert (large.ranges, large.keys, len(large)) == (((0, 300),), None, 600)
    assert len(shown.state.selected_ids(large)) == 300


def test_a_selection_in_a_sorted_view_is_kept_by_members(catalog: Catalog) -> None:
    make(catalog, [MADE, FAILED, MADE, FAILED])
    shown = Shown(catalog, options=ViewOptions(sort_by="status"))
    selection = shown.state.select(shown.head["view"], 0, [0], [(0, 2)])
    assert (selection.ranges, selection.keys) == (((1, 2), (3, 4)), ("1.csv", "3.csv"))
    shown.state.set_options(ViewOptions())
    assert shown.head["selection"] == {"band": 0, "rows": [0], "ranges": [(1, 2), (3, 4)]}
    shown.state.set_options(ViewOptions(text="3"))
    assert shown.head["selection"]["ranges"] == [(0, 1)]
    shown.state.unselect()
    assert shown.state.view().head["selection"] is None


def test_a_selection_outlives_added_keys_and_not_removed_ones(catalog: Catalog) -> None:
    make(catalog, [MADE] * 3)
    shown = Shown(catalog)
    selection = shown.state.select(shown.head["view"], 0, [0], [(1, 3)])
    set_id = set_id_of(catalog)
    catalog.write(lambda b: events.add_keys(b, set_id, ["new"]))
    shown.state.update()
    assert len(shown.state.selected_ids(selection)) == 2
    catalog.write(lambda b: events.remove_keys(b, set_id, ["0.csv"]))
    shown.state.update()
    assert shown.head["selection"] is None
    with pytest.raises(OutOfDateError, match="select them again"):
        shown.state.selected_ids(selection)


def test_highlights_are_rows_and_places(tmp_path: Path) -> None:
    catalog = scenes.rich_scene(tmp_path)
    shown = Shown(catalog)
    found = shown.state.find_highlights(shown.head["view"], 1, [0], [(2, 3)])
    assert sorted(found, key=lambda h: h["band"]) == [
        {"band": 0, "row": 1, "role": "input", "ranges": [(0, 12)]},
        {"band": 1, "row": 1, "role": "reader", "ranges": [(2, 3)]},
    ]
    catalog.close()


@pytest.mark.parametrize(("band", "rows"), [(5, [0]), (0, []), (0, [7])])
def test_what_cannot_be_there_is_refused(catalog: Catalog, band: int, rows: list[int]) -> None:
    make(catalog, [MADE])
    shown = Shown(catalog)
    with pytest.raises(BadRequest):
        shown.state.select(shown.head["view"], band, rows, [(0, 1)])


def test_places_of_an_old_view_are_refused(catalog: Catalog) -> None:
    make(catalog, [MADE, FAILED])
    shown = Shown(catalog)
    old = shown.head["view"]
    shown.state.set_options(replace(shown.state.options, sort_by="status"))
    with pytest.raises(OutOfDateError):
        shown.state.details(old, 0, 0, 0)


def test_matching_ids_are_those_of_the_set(catalog: Catalog) -> None:
    make(catalog, [MADE] * 3)
    set_id = set_id_of(catalog)
    scenes.add_set(catalog, "other", ["1.csv", "zz"])
    assert len(catalog.read(lambda b: cells.ids_matching(b, set_id, "1"))) == 1


@pytest.mark.parametrize(
    "options",
    [
        ViewOptions(sort_by="key"),
        ViewOptions(sort_by="status"),
        ViewOptions(statuses=frozenset({MADE, MISSING})),
        ViewOptions(text="csv"),
    ],
)
def test_a_selection_outlives_added_keys_however_they_are_shown(catalog: Catalog, options: ViewOptions) -> None:
    make(catalog, [MADE] * 3)
    shown = Shown(catalog, options=options)
    selection = shown.state.select(shown.head["view"], 0, [0], [(1, 3)])
    catalog.write(lambda b: events.add_keys(b, set_id_of_batch(b), ["0-new.csv"]))
    shown.state.update()
    assert shown.head["bands"][0]["n_keys"] == 4
    assert len(shown.state.selected_ids(selection)) == 2
    assert sum(shown.state.count_selected(selection)) == 2
    assert shown.head["selection"] is not None


def test_a_selection_in_a_grid_outlives_added_keys(tmp_path: Path) -> None:
    catalog = scenes.rich_scene(tmp_path)
    shown = Shown(catalog, ["model", "evaluation"])
    assert shown.head["bands"][0]["layout"] == "grid"
    selection = shown.state.select(shown.head["view"], 0, [0], [(1, 3)])
    scenes.add_trials(catalog, "trials", {"lr": float, "depth": int}, {"lr": [0.5], "depth": [2, 3, 5, 8, 13]})
    shown.state.update()
    assert shown.head["bands"][0]["n_keys"] == 35
    assert shown.state.count_selected(selection)[MADE] == 2
    catalog.close()


@pytest.mark.parametrize(("sort_by", "moves"), [("status", True), ("accuracy", True), ("key", False), (None, False)])
def test_an_order_that_is_out_of_date_says_so_until_it_is_sorted_again(
    catalog: Catalog, sort_by: str | None, moves: bool
) -> None:
    [one] = make(catalog, [MADE, MADE, MISSING])
    shown = Shown(catalog, options=ViewOptions(sort_by=sort_by))
    assert shown.head["unsorted"] == 0
    scenes.set_statuses(catalog, one, [MADE, MADE, MADE], ([1.0, 2.0, 3.0], [0.1, 0.2, 0.3]))
    shown.state.update()
    patched = shown.patches[-1].head["unsorted"] if shown.patches else shown.state.view().head["unsorted"]
    assert (patched > 0) is moves
    scenes.change(catalog, one, 0, FAILED)
    shown.state.update()
    shown.state.sort()
    assert shown.state.view().head["unsorted"] == 0
    wanted = {"status": ["0.csv", "1.csv", "2.csv"], "accuracy": ["2.csv", "1.csv", "0.csv"]}
    if sort_by in wanted:
        assert shown.state.keys(shown.state.view().head["view"], 0, [0, 1, 2]) == wanted[sort_by]


def test_a_metric_that_is_logged_for_the_first_time_can_be_chosen(catalog: Catalog) -> None:
    [one] = make(catalog, [MISSING, MISSING])
    shown = Shown(catalog)
    assert shown.head["metrics"] == []
    scenes.set_statuses(catalog, one, [MADE, MISSING], ([1.0, 0.0], [0.5, 0.0]))
    shown.state.update()
    assert shown.patches[-1].head["metrics"] == ["accuracy"]
    assert shown.state.view().head["metrics"] == ["accuracy"]


def test_details_say_what_blocks_a_partition(catalog: Catalog) -> None:
    story = Story(catalog)
    story.register("raw")
    story.add("a", "b")
    ids = [story.key_id(key) for key in ("a", "b")]
    levels = pd.DataFrame({"asset_id": story.ids["raw"], "key_id": ids, "reason": "missing"})
    number, _ = catalog.write(lambda b: events.start_backfill(b, "raw", {}, story.coordinator, levels))
    text = "source/a failed: ValueError: no"
    result = pd.DataFrame({"step_no": [0], "status": str(StepStatus.BLOCKED), "run_no": None, "cause": text})
    catalog.write(lambda b: events.record_step_results(b, number, result))
    shown = Shown(catalog)
    found = shown.state.details(shown.head["view"], 0, 0, 0)
    assert found is not None
    assert found.blocked == text
    other = shown.state.details(shown.head["view"], 0, 0, 1)
    assert other is not None
    assert other.blocked == ""
    story.make("raw", "a", "x")
    made = shown.state.details(shown.head["view"], 0, 0, 0)
    assert made is not None
    assert made.blocked == ""
