"""What failed wakes for a trigger when a column of its key changes that its code binds, and for no other."""

from __future__ import annotations

from typing import Any

import pytest

import nbpart
from nbpart import RunRequest, SensorResult
from tests.automation.test_automations import break_steps, declare, keys, tick
from tests.automation.test_ticks import Ran


@pytest.fixture
def ran() -> Ran:
    return Ran()


@pytest.fixture
def samples(ws: nbpart.Workspace, ran: Ran) -> Any:
    ws.project.make_pool = ran.stage.make_pool
    samples = ws.dynamic_partitions("samples", columns={"batch": str, "sex": str})
    samples.add_rows([{"sample": "a", "batch": "B0", "sex": "f"}], key="sample")
    return samples


def bind(ws: nbpart.Workspace, partitions: Any) -> None:
    @ws.asset(partitions=partitions, automation=nbpart.eager())
    def cleaned(partition_key: str, batch: str) -> dict[str, str]:
        return {"batch": batch}


def change(samples: Any, key: str, **columns: str) -> None:
    samples.add_rows([{"sample": key, **columns}], key="sample")


def test_eager_asks_for_what_failed_once_a_column_that_it_binds_changed(
    ws: nbpart.Workspace, ran: Ran, samples: Any
) -> None:
    bind(ws, samples)
    break_steps(ran, ("cleaned", "b"))
    change(samples, "b", batch="B0", sex="f")
    assert keys(tick(ws, ran)) == ["b"]
    assert tick(ws, ran) == []
    change(samples, "b", sex="m")
    change(samples, "a", batch="B9")
    assert tick(ws, ran) == [], "neither another column nor that of another key that was never asked for"
    change(samples, "b", batch="B1")
    change(samples, "b", batch="B0")
    assert tick(ws, ran) == [], "a value that comes back is no change"
    change(samples, "b", batch="B1")
    assert keys(tick(ws, ran)) == ["b"]
    assert tick(ws, ran) == [], "it failed again with this value"


def test_it_wakes_as_well_where_it_has_older_data(ws: nbpart.Workspace, ran: Ran, samples: Any) -> None:
    bind(ws, samples)
    change(samples, "b", batch="B0", sex="f")
    assert keys(tick(ws, ran)) == ["b"]
    break_steps(ran, ("cleaned", "b"))
    for batch in ("B1", "B2"):
        change(samples, "b", batch=batch)
        assert [keys(tick(ws, ran)) for _ in range(2)] == [["b"], []]
    change(samples, "b", batch="B0")
    break_steps(ran)
    assert keys(tick(ws, ran)) == ["b"], "it failed with another value than this"


def test_products_and_children_bind_the_columns_of_what_they_are_made_of(
    ws: nbpart.Workspace, ran: Ran, samples: Any
) -> None:
    change(samples, "b", batch="B0", sex="f")
    days = ws.partitions(nbpart.StaticPartitions(["x"], name="days"))
    product = ws.partitions(nbpart.MultiPartitions({"sample": samples, "day": days}, name="product"))
    bind(ws, product)
    broken = "day=x,sample=c"
    break_steps(ran, ("cleaned", broken))
    change(samples, "c", batch="B0", sex="f")
    assert [keys(tick(ws, ran)) for _ in range(2)] == [[broken], []]
    change(samples, "b", batch="B1")
    assert tick(ws, ran) == []
    change(samples, "c", batch="B1")
    assert [keys(tick(ws, ran)) for _ in range(2)] == [[broken], []]


def test_a_sensor_that_insists_runs_it_again_for_a_bound_column_alone(
    ws: nbpart.Workspace, ran: Ran, samples: Any
) -> None:
    declare(ws, "other", partitions=samples)
    ws.asset(name="cleaned", partitions=samples)(binds_batch)
    break_steps(ran, ("cleaned", "a"), ("other", "a"))

    @ws.sensor
    def insist(context: Any) -> SensorResult:
        return SensorResult([RunRequest(partition_key="a", asset=["cleaned", "other"])])

    def ask() -> list[tuple[str, str | None]]:
        before = len(ran)
        ws.tick("insist", here=True, progress=False)
        return ran[before:]

    assert sorted(ask()) == [("cleaned", "a"), ("other", "a")]
    change(samples, "a", sex="m")
    assert ask() == []
    change(samples, "a", batch="B1")
    assert ask() == [("cleaned", "a")]


def binds_batch(partition_key: str, batch: str) -> dict[str, str]:
    return {"batch": batch}
