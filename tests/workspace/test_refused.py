"""What cannot be is refused in one sentence, which names it and says what to do, and nothing is changed by it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

import nbpart
from nbpart.errors import NbpartError

find_installed = fsspec.get_filesystem_class


def measure(partition_key: str) -> str:
    return partition_key


@pytest.fixture
def ws(ws: nbpart.Workspace, project: Path) -> nbpart.Workspace:
    """A workspace with a set of each kind, an asset and a source."""
    days = ws.partitions(nbpart.DailyPartitions("days", start="2024-01-01", end="2024-01-04"))
    shops = ws.dynamic_partitions("shops", columns={"kind": str})
    shops.add("a", "b")
    ws.partitions(nbpart.MultiPartitions({"day": days, "shop": shops}, name="day_shop"))
    ws.partitions(nbpart.MultiPartitions({"day": days, "due": days}, name="two_days"))
    ws.dynamic_partitions("trials", params={"lr": float, "seed": int}).add(lr=0.1, seed=1)
    ws.register(nbpart.asset(measure, partitions=shops))  # type: ignore[call-overload]
    ws.source("inbox", "inbox/{partition_key}.csv", partitions=shops)
    (project / "inbox" / "a.csv").write_text("1")
    return ws


def dump(ws: nbpart.Workspace) -> dict[str, list[Any]]:
    """All rows of all tables of the catalog."""

    def work(batch: Any) -> dict[str, list[Any]]:
        names = batch.rows("SELECT table_name FROM duckdb_tables() WHERE database_name = current_catalog()")
        return {name: batch.rows(f'FROM "{name}" ORDER BY ALL') for (name,) in sorted(names)}

    return ws.project.catalog.read(work)


def reads(shop: Any) -> str:
    return str(shop)


def declare_reader(mapping: Callable[[], Any], partitions: str, source: str) -> Callable[[nbpart.Workspace], object]:
    """Declare an asset that reads another one of some partitions by a mapping."""

    def call(ws: nbpart.Workspace) -> object:
        read = nbpart.asset(measure, name="read", partitions=ws.partitions(source))
        reader = nbpart.asset(reads, name="reader", partitions=ws.partitions(partitions), deps={"shop": mapping()})
        return ws.register(read, reader)

    return call


def find_filesystem(protocol: str) -> Any:
    """As fsspec does where the package for Google's buckets is not installed."""
    if protocol == "gs":
        raise ImportError("Please install gcsfs to access Google Storage")
    return find_installed(protocol)


def declare_windows(**options: Any) -> Callable[[nbpart.Workspace], object]:
    return lambda ws: ws.partitions(nbpart.DailyPartitions("wrong", **{"start": "2024-01-01", **options}))


def declare_product(**dimensions: Any) -> Callable[[nbpart.Workspace], object]:
    def call(ws: nbpart.Workspace) -> object:
        given = {name: ws.partitions(one) if isinstance(one, str) else one for name, one in dimensions.items()}
        return ws.partitions(nbpart.MultiPartitions(given, name="wrong"))

    return call


def takes_unknown(inbx: str) -> str:
    return inbx


MANY = range(200_000_000)
DIGITS = [f"{n}" for n in range(2_300)]

REFUSED: dict[str, tuple[Callable[[nbpart.Workspace], object], str]] = {
    "a zone that is none": (declare_windows(timezone="America/New_Yrk"), "'wrong'.*'America/New_York'"),
    "a start after the end": (declare_windows(end="2023-12-01"), "'wrong'.*2023-12-01"),
    "a cron that never comes": (
        lambda ws: ws.partitions(nbpart.TimeWindowPartitions("wrong", "0 0 31 2 *", "2024-01-01")),
        r"'wrong'.*'0 0 31 2 \*' never comes",
    ),
    "a format that two windows share": (declare_windows(fmt="%Y-%m"), "'wrong'.*'2024-01'"),
    "a product of 11 million": (declare_product(x=DIGITS, y=[f"{n}" for n in range(4_800)]), "'wrong'.*11,040,000"),
    "a dimension named like a column": (declare_product(kind="shops", day="days"), "'wrong'.*'kind'"),
    "a column in two dimensions": (declare_product(one="shops", two="shops"), "'wrong'.*'kind'"),
    "an add that makes a product too large": (
        lambda ws: ws.partitions("shops").add(str(n) for n in range(2_000)),
        r"'day_shop'.*6,006 partitions \(3 x 2,002\)",
    ),
    "an unknown column": (
        lambda ws: ws.partitions("shops").add_rows([{"shop": "c", "knd": "x"}], key="shop"),
        "'shops'.*'knd'.*'kind'",
    ),
    "an unknown parameter": (lambda ws: ws.partitions("trials").add(lr=0.1, sed=2), "'trials'.*'sed'.*'seed'"),
    "an unknown dimension": (
        lambda ws: ws.partitions("day_shop").row({"day": "2024-01-01", "shp": "a"}),
        "'day_shop'.*'shp'.*'shop'",
    ),
    "a range the wrong way round": (
        lambda ws: ws.plan("measure", keys=nbpart.between("b", "a")),
        "measure: .*from 'b' to 'a' runs backwards",
    ),
    "a range of days the wrong way round": (
        lambda ws: ws.partitions("days").choose(nbpart.between("2024-01-03", "2024-01-01")),
        "'days'.*2024-01-03.*2024-01-01",
    ),
    "a key that is none": (lambda ws: ws.plan("measure", keys="c"), "measure has no partition 'c'; there is 'a', 'b'"),
    "previous along two dimensions": (
        declare_reader(lambda: nbpart.previous(of="read"), "two_days", "two_days"),
        "'reader'.*'read'.*previous.*by",
    ),
    "by without a common column": (
        declare_reader(lambda: nbpart.by("lr", of="read"), "shops", "trials"),
        "'reader'.*'read'.*'lr'",
    ),
    "by what two sets have in common, which is nothing": (
        declare_reader(lambda: nbpart.by(of="read"), "shops", "trials"),
        "'reader'.*'read'",
    ),
    "pairs with an unknown key": (
        declare_reader(lambda: nbpart.pairs({"upstream": ["a", "x"], "this": ["a", "b"]}, of="read"), "shops", "shops"),
        "'reader'.*'read'.*'x'",
    ),
    "pairs with 200 million rows": (
        declare_reader(lambda: nbpart.pairs({"upstream": MANY, "this": MANY}, of="read"), "shops", "shops"),
        "200,000,000",
    ),
    "a condition on an unknown column": (
        declare_reader(lambda: nbpart.where("upstream.knd = this.kind", of="read"), "shops", "shops"),
        "'reader'.*'read'.*'upstream.knd'.*'upstream.kind'",
    ),
    "a condition on columns that do not compare": (
        declare_reader(lambda: nbpart.where("upstream.seed = this.kind", of="read"), "shops", "trials"),
        "'reader'.*'read'.*upstream.seed has whole numbers and this.kind has texts",
    ),
    "a mapping of what is not read": (
        lambda ws: ws.asset(
            measure, name="reader", partitions=ws.partitions("shops"), deps={"a": nbpart.same(of="mesure")}
        ),
        "'reader'.*'mesure'.*'measure'",
    ),
    "an unknown argument": (lambda ws: ws.asset(takes_unknown, partitions=ws.partitions("shops")), "inbx.*'inbox'"),
    "another set of that name": (lambda ws: ws.dynamic_partitions("days"), "'days'"),
    "a way to see changes that is none": (
        lambda ws: ws.source("drop", "x/{partition_key}", partitions=ws.partitions("days"), version="haash"),
        "'drop'.*'haash'.*'hash'",
    ),
    "a URL without its package": (
        lambda ws: ws.source("drop", "gs://lake/{partition_key}", partitions=ws.partitions("days")),
        r"'drop'.*gs://.*install nbpart\[gcs\]",
    ),
    "a URL that nobody knows": (
        lambda ws: ws.source("drop", "s3x://lake/{partition_key}", partitions=ws.partitions("days")),
        "'drop'.*s3x://.*'s3'",
    ),
    "two keys of one file": (
        lambda ws: ws.source("drop", "drop/{day}.csv", partitions=ws.partitions("day_shop")),
        "'drop'.*'day=2024-01-01,shop=a' and 'day=2024-01-01,shop=b'",
    ),
    "a file for no key": (
        lambda ws: ws.source("drop", "x/{shp}.csv", partitions=ws.partitions("shops")),
        "'drop'.*shp",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_one_sentence_and_nothing_changed(
    ws: nbpart.Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbpart.catalog.events.membership.MAX_PRODUCT", 6_000)
    monkeypatch.setattr(fsspec, "get_filesystem_class", find_filesystem)
    call, says = REFUSED[name]
    before = dump(ws)
    with pytest.raises(NbpartError) as caught:
        call(ws)
    message = str(caught.value)
    assert re.search(says, message)
    assert "\n" not in message
    assert len(re.findall(r"[.!?](?=\s|$)", message)) == 1, "one sentence"
    assert dump(ws) == before
