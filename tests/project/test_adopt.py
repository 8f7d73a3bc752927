"""Files that are there become the data of partitions; nothing ever writes, moves or deletes them."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

import nbpart
from nbpart.catalog.check import check
from nbpart.errors import DeclarationError, MissingInputError
from tests.recording import record


@pytest.fixture
def samples(ws: nbpart.Workspace, project: Path) -> nbpart.Workspace:
    """`counts` of samples, of which a.json and b.json lie in old/; `report` reads it."""
    known = ws.dynamic_partitions("samples")
    known.add("a")

    @ws.asset(partitions=known)
    def counts(partition_key: str) -> dict[str, int]: ...

    @ws.asset(partitions=known)
    def report(counts: dict[str, int]) -> dict[str, int]: ...

    (project / "old").mkdir()
    for key in "ab":
        (project / "old" / f"{key}.json").write_text(json.dumps({"n": key}))
    return ws


def listing(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.rglob("*")) if p.is_file()}


def statuses(ws: nbpart.Workspace, asset: str) -> str:
    assert not ws.project.catalog.read(check)
    return " ".join(ws.partition_status(asset)["status"])


def test_adopted_files_are_data_in_place_and_no_verb_touches_them(samples: nbpart.Workspace, project: Path) -> None:
    ws, before = samples, listing(project / "old")
    assert str(ws.adopt("counts", "old/{partition_key}.json", dry_run=True)) == (
        "would have adopted 2 partitions of counts; 1 new key to add to samples"
    )
    assert len(ws.partition_sets["samples"]) == 1
    assert str(ws.adopt("counts", "old/{partition_key}.json", reason="of last year")) == (
        "adopted 2 partitions of counts; 1 new key added to samples"
    )
    assert re.fullmatch(r"materialized: adopted \d\d:\d\d by .*: of last year", str(ws.why("counts", "b")))
    assert ws.load("counts", "b") == {"n": "b"}
    assert ws.plan("counts").frame.empty
    assert list(ws.history("counts", "b")["event"]) == ["adopted"]
    assert str(ws.adopt("counts", "old/{partition_key}.json")) == "adopted nothing; 2 already current"
    run = nbpart.current_run("report", partition_key="b", record=True, workspace=ws.root)
    assert run.load("counts") == {"n": "b"}
    run.save({"m": 1})
    assert len(ws.table("counts").df()) == 2
    ws.wipe("counts", keys="b", data=True)
    assert (statuses(ws, "counts"), statuses(ws, "report")) == ("materialized missing", "missing stale")
    assert ws.accept("counts", keys="b").count == 1
    assert (statuses(ws, "counts"), statuses(ws, "report")) == ("materialized materialized", "missing materialized")
    record(ws, "counts", "b", {"n": "new"})
    ws.prune(keep=1, stray_after_s=0)
    ws.partition_sets["samples"].remove("b")
    assert listing(project / "old") == before


def test_adopted_files_in_the_workspace_stay_too(samples: nbpart.Workspace, project: Path) -> None:
    shutil.move(project / "old", project / "workspace" / "data" / "old")
    folder = samples.root / "data" / "old"
    before = listing(folder)
    samples.adopt("counts", folder / "{partition_key}.json")
    samples.prune(keep=1, stray_after_s=0)
    samples.wipe("counts", data=True)
    samples.prune(keep=1, stray_after_s=0)
    assert listing(folder) == before


def test_the_data_check_knows_adopted_files(samples: nbpart.Workspace, project: Path) -> None:
    ws = samples
    ws.adopt("counts", "old/{partition_key}.json", version="size+mtime")
    assert ws.check_data().empty
    os.utime(project / "old" / "a.json", ns=(1, 1))
    (project / "old" / "b.json").unlink()
    faults = ws.check_data()
    assert list(faults["problem"]) == ["other content", "deleted"]
    assert statuses(ws, "counts") == "stale missing"
    assert str(ws.adopt("counts", "old/{partition_key}.json")) == "adopted 1 partition of counts"
    assert statuses(ws, "counts") == "materialized missing"


def test_a_workspace_is_moved_with_what_lies_beside_it(samples: nbpart.Workspace, project: Path) -> None:
    samples.adopt("counts", "old/{partition_key}.json")
    samples.close()
    moved = shutil.move(project, project.with_name("moved"))
    with nbpart.open(Path(moved) / "workspace", trust=True) as ws:
        assert ws.load("counts", "a") == {"n": "a"}
        assert ws.check_data().empty


def test_equal_files_of_a_run_make_readers_fresh(samples: nbpart.Workspace) -> None:
    record(samples, "counts", "a", {"n": "a"})
    record(samples, "report", "a", {})
    samples.wipe("counts", keys="a")
    assert statuses(samples, "report") == "stale"
    samples.adopt("counts", "old/{partition_key}.json")
    assert statuses(samples, "report") == "materialized missing"


def test_fields_are_split_as_those_of_sources(ws: nbpart.Workspace, project: Path) -> None:
    """C7 of the field."""
    reads = ws.dynamic_partitions("reads", params={"sample": str, "read": str})

    @ws.asset(partitions=reads)
    def raw(sample: str, read: str) -> Path: ...

    for name in ("0053_P20_S2_R1.fastq.gz", "0053_P20_S2_R2.fastq.gz"):
        (project / "inbox" / name).write_text(name)
    assert raw.adopt("inbox/{sample}_{read}.fastq.gz").count == 2
    frame = ws.partition_status("raw")
    assert list(zip(frame["sample"], frame["read"], strict=True)) == [("0053_P20_S2", "R1"), ("0053_P20_S2", "R2")]
    assert ws.load("raw", {"sample": "0053_P20_S2", "read": "R1"}) == project / "inbox" / "0053_P20_S2_R1.fastq.gz"


def test_typed_fields_windows_and_products(ws: nbpart.Workspace, project: Path) -> None:
    days = ws.partitions(nbpart.DailyPartitions("days", start="2013-01-01", end="2013-01-04"))
    shops = ws.dynamic_partitions("shops", params={"shop": int})
    grid = ws.partitions(nbpart.MultiPartitions({"day": days, "at": shops}, name="grid"))

    @ws.asset(partitions=days)
    def daily(partition_key: str) -> pd.DataFrame: ...

    @ws.asset(partitions=grid)
    def sales(partition_key: str) -> pd.DataFrame: ...

    for day in ("2013/01/02", "2013/01/03", "2014/01/01"):
        (project / "daily" / day).mkdir(parents=True)
        pd.DataFrame({"day": [day]}).to_parquet(project / "daily" / day / "all.parquet")
    assert str(daily.adopt("daily/{window_start:%Y/%m/%d}/all.parquet")) == (
        f"adopted 2 partitions of daily; 1 file of no key, left alone: '{project}/daily/2014/01/01/all.parquet'"
    )
    assert list(ws.load("daily", datetime.date(2013, 1, 3))["day"]) == ["2013/01/03"]
    shutil.copy(project / "daily/2013/01/02/all.parquet", project / "inbox" / "2013-01-02-007.parquet")
    shutil.copy(project / "daily/2013/01/02/all.parquet", project / "inbox" / "2014-01-01-008.parquet")
    left = f"1 file of no key, left alone: '{project}/inbox/2014-01-01-008.parquet'"
    assert str(sales.adopt("inbox/{day}-{shop:03d}.parquet", dry_run=True)) == (
        f"would have adopted 1 partition of sales; 1 new key to add to shops; {left}"
    )
    assert list(shops) == []
    assert str(sales.adopt("inbox/{day}-{shop:03d}.parquet")) == (
        f"adopted 1 partition of sales; 1 new key added to shops; {left}"
    )
    assert list(shops) == ["shop=7"], "not that of a day that there is none of"


def test_a_path_may_begin_at_home(samples: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project))
    assert samples.adopt("counts", "~/old/{partition_key}.json", dry_run=True).count == 2
    with pytest.raises(MissingInputError, match="no files at '~nobody"):
        samples.adopt("counts", "~nobody-of-that-name/{partition_key}.json")


def test_hidden_files_are_nobodys_data(samples: nbpart.Workspace, project: Path) -> None:
    for name in (".x.json", ".json", ".ipynb_checkpoints/c.json", "sub/d.json"):
        (project / "old" / name).parent.mkdir(exist_ok=True)
        (project / "old" / name).write_text("{}")
    assert samples.adopt("counts", "old/{partition_key}.json").count == 2
    assert list(samples.partition_sets["samples"]) == ["a", "b"]
    (project / "old" / "sub" / ".hidden.json").write_text("{}")
    grid = nbpart.MultiPartitions({"sample": samples.partition_sets["samples"], "name": ["c", "d", ".hidden"]})

    @samples.asset(partitions=grid)
    def below(partition_key: str) -> dict[str, int]: ...

    assert str(samples.adopt("below", "old/{sample}/{name}.json")) == (
        "adopted 1 partition of below; 1 new key added to samples"
    )
    assert list(samples.partition_sets["samples"]) == ["a", "b", "sub"]


def test_what_cannot_be_adopted_is_refused_in_a_sentence(samples: nbpart.Workspace, project: Path) -> None:
    (project / "broken.json").write_text("{")

    @samples.asset
    def cohort() -> dict[str, int]: ...

    for asset, path, error, message in [
        ("counts", "new/{partition_key}.json", MissingInputError, "there are no files at 'new/"),
        ("counts", "old/{batch}.json", DeclarationError, r"names \{batch\}, which is no column .*partition_key"),
        ("counts", "old/a.json", DeclarationError, r"'counts' is partitioned, .* name \{partition_key\} in it"),
        ("counts", "old/{partition_key}*.json", DeclarationError, "has a "),
        ("counts", "s3://b/{partition_key}.json", DeclarationError, "is a URL"),
        ("cohort", "broken.json", DeclarationError, "is no .json file"),
        ("cohort", "old/{partition_key}.json", DeclarationError, "no column"),
    ]:
        with pytest.raises(error, match=message):
            samples.adopt(asset, path)
    static = nbpart.StaticPartitions(["x", "y"])

    @samples.asset(partitions=static)
    def listed(partition_key: str) -> dict[str, int]: ...

    with pytest.raises(
        DeclarationError, match=r"2 files at 'old/.*' match no key of 'listed', '.*/old/a.json' the first"
    ):
        samples.adopt("listed", "old/{partition_key}.json")
    with pytest.raises(DeclarationError, match="version='etag' tells no file from another"):
        samples.adopt("counts", "old/{partition_key}.json", version="etag")  # type: ignore[arg-type]
    assert statuses(samples, "counts") == "missing"


def test_a_file_that_a_run_left_and_somebody_adopted_stays_whatever_becomes_of_the_run(
    samples: nbpart.Workspace,
) -> None:
    known = samples.partition_sets["samples"]

    @samples.asset(partitions=known)
    def copied(partition_key: str) -> dict[str, int]: ...

    record(samples, "counts", "a", {"n": 1})
    [file] = (samples.root / "data" / "counts" / "a").iterdir()
    samples.adopt("copied", file.parent.parent / "{partition_key}" / file.name)
    record(samples, "counts", "a", {"n": 2})
    samples.prune(keep=1, stray_after_s=0)
    samples.prune(keep=0, assets="counts", keys="a", stray_after_s=0)
    samples.wipe("counts", data=True)
    assert samples.load("copied", "a") == {"n": 1}
    known.remove("a", delete_data=True)
    assert list((samples.root / "data" / "counts").rglob("*.json")) == [file]


def test_a_key_is_not_added_for_a_file_that_is_refused(ws: nbpart.Workspace, project: Path) -> None:
    known = ws.dynamic_partitions("samples")
    grid = ws.partitions(nbpart.MultiPartitions({"sample": known, "side": ["l", "r"]}, name="grid"))

    @ws.asset(partitions=known)
    def counts(partition_key: str) -> dict[str, int]: ...

    @ws.asset(partitions=grid)
    def sides(partition_key: str) -> dict[str, int]: ...

    for name in ("a", "b-l"):
        (project / "inbox" / f"{name}.json").write_text("{}")
    (project / "inbox" / "broken.json").write_text("{")
    (project / "inbox" / "c-r.json").write_text("")
    for asset, path in (("counts", "inbox/{partition_key}.json"), ("sides", "inbox/{sample}-{side}.json")):
        with pytest.raises(DeclarationError, match="nothing was adopted"):
            ws.adopt(asset, path)
        assert list(known) == []
