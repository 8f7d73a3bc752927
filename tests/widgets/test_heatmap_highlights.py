"""What the selected partitions read and what reads them, through mappings of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbpart
from nbpart.catalog import queries
from nbpart.catalog.queries import cells
from nbpart.partitions.mapping import AllKeys, Mapping, Only, Previous, Same, Whole, by, overlap
from nbpart.widgets.heatmap_highlights import MAX_RANGES, Chosen, Neighbour, find_neighbours, place_neighbours
from nbpart.widgets.heatmap_model import Dependency
from nbpart.widgets.heatmap_state import HeatmapState

READER, INPUT = 1, 2
EWR_DAYS = [f"day=2013-11-0{n},origin=EWR" for n in (2, 3, 4)]


@pytest.fixture
def ws(tmp_path: Path) -> Any:
    with nbpart.open(tmp_path / "workspace") as ws:
        start = {"start": "2013-11-02", "end": "2013-11-05", "timezone": "America/New_York"}
        days = ws.partitions(nbpart.DailyPartitions("days", **start))
        ws.partitions(nbpart.HourlyPartitions("hours", **start))
        origins = ws.dynamic_partitions("origins")
        origins.add("<b>Midway</b>", "EWR")
        ws.partitions(nbpart.MultiPartitions({"day": days, "origin": origins}, name="grid"))
        ws.dynamic_partitions("gates", under={"origin": origins}).add("EWR/1", "EWR/2", "<b>Midway<%2Fb>/1")
        yield ws


def related(ws: nbpart.Workspace, reader: str, mapping: Mapping, source: str, chosen: str, keys: list[str]) -> Any:
    """The roles and keys that light up when keys of the reader ("reader") or of the input ("input") are selected."""
    sets = {READER: ws.partitions(reader).set_id if reader else 0, INPUT: ws.partitions(source).set_id if source else 0}
    asset_id = READER if chosen == "reader" else INPUT
    catalog = ws.project.catalog
    ids = catalog.read(lambda b: queries.key_ids(b, sets[asset_id], [key or None for key in keys]))
    link = Dependency(READER, INPUT, mapping)
    members = {set_id: catalog.read(lambda b, n=set_id: cells.member_ids(b, n)) for set_id in sets.values()}
    one = Chosen(sets[asset_id], frozenset([asset_id]), ids)
    found = catalog.read(lambda b: find_neighbours(b, one, [link], sets, members))
    return [(one.role, catalog.read(lambda b, one=one: queries.key_texts(b, one.key_ids)).tolist()) for one in found]


def test_a_day_lights_up_its_hours_and_an_hour_its_day(ws: nbpart.Workspace) -> None:
    [(role, hours)] = related(ws, "days", overlap(), "hours", "reader", ["2013-11-03"])
    assert (role, len(hours)) == ("input", 25)
    assert hours[1:3] == ["2013-11-03T01:00", "2013-11-03T01:00-0500"]
    back = related(ws, "days", overlap(), "hours", "input", ["2013-11-03T01:00-0500", "2013-11-04T00:00"])
    assert back == [("reader", ["2013-11-03", "2013-11-04"])]


@pytest.mark.parametrize(
    ("reader", "mapping", "source", "chosen", "keys", "lit"),
    [
        ("days", Same(), "days", "reader", ["2013-11-03"], ["2013-11-03"]),
        ("days", overlap(start=-1), "days", "reader", ["2013-11-02"], ["2013-11-02"]),
        ("days", overlap(start=-1), "days", "input", ["2013-11-02"], ["2013-11-02", "2013-11-03"]),
        (
            "grid",
            by(partition_key="origin"),
            "origins",
            "input",
            ["EWR"],
            [f"day=2013-11-0{n},origin=EWR" for n in (2, 3, 4)],
        ),
        ("grid", by(partition_key="origin"), "origins", "reader", ["day=2013-11-02,origin=EWR"], ["EWR"]),
        ("gates", by(partition_key="origin"), "origins", "reader", ["EWR/2"], ["EWR"]),
        ("origins", by(origin="partition_key"), "gates", "reader", ["EWR"], ["EWR/1", "EWR/2"]),
        ("days", AllKeys(), "origins", "reader", ["2013-11-02"], ["<b>Midway</b>", "EWR"]),
        ("days", Only(("EWR",)), "origins", "reader", ["2013-11-02"], ["EWR"]),
        ("days", Whole(), "", "reader", ["2013-11-02"], [None]),
        ("", AllKeys(), "origins", "input", ["EWR"], [None]),
    ],
)
def test_what_is_read_and_what_reads(
    ws: nbpart.Workspace, reader: str, mapping: Mapping, source: str, chosen: str, keys: list[str], lit: list[str]
) -> None:
    assert related(ws, reader, mapping, source, chosen, keys) == [("input" if chosen == "reader" else "reader", lit)]


def test_an_asset_that_reads_itself_lights_up_before_and_after(ws: nbpart.Workspace) -> None:
    days = ws.partitions("days")
    catalog = ws.project.catalog
    keys = list(days)
    ids = catalog.read(lambda b: queries.key_ids(b, days.set_id, keys))
    link = Dependency(READER, READER, Previous())

    def light(chosen: Any) -> list[tuple[str, list[int]]]:
        one = Chosen(days.set_id, frozenset([READER]), chosen)
        found = catalog.read(lambda b: find_neighbours(b, one, [link], {READER: days.set_id}, {days.set_id: ids}))
        return [(each.role, each.key_ids.tolist()) for each in found]

    assert light(ids[1:2]) == [("input", [ids[0]]), ("reader", [ids[2]])]
    assert light(ids[:2]) == [("reader", [ids[2]])], "what is selected itself is no neighbour"


def test_very_many_places_are_sent_as_few_ranges_that_hold_them_all(ws: nbpart.Workspace) -> None:
    many = ws.dynamic_partitions("many")
    many.add([f"{n:05}" for n in range(30_000)])

    @ws.asset(partitions=many)
    def one(partition_key: str) -> str:
        return partition_key

    [band] = HeatmapState(ws.project.catalog).bands
    ids = band.members.key_ids[np.r_[0:20_000:2, 25_000]]
    [found] = place_neighbours([band], [Neighbour(band.rows[0].asset_id, "input", ids)])
    assert len(found["ranges"]) <= MAX_RANGES
    held = np.zeros(30_000, bool)
    for first, last in found["ranges"]:
        held[first:last] = True
    assert held[0:20_000:2].all()
    assert held[25_000]
    assert not held[20_000:25_000].any(), "the widest gaps stay"
