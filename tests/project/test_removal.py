"""Consent withdrawn: what runs left of a key goes, in all assets; what else read it is named and stale."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

import nbpart
from nbpart.catalog import Batch
from nbpart.catalog.check import check
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.states import RunStatus
from tests.project.test_verbs import claim, end
from tests.recording import record


@pytest.fixture
def made(ws: nbpart.Workspace, project: Path) -> nbpart.Workspace:
    """`counts` of samples of which p1 failed once, `lanes` below it, `cohort` over all; p2 and p3 besides."""
    samples = ws.dynamic_partitions("samples", columns={"batch": str})
    samples.add_rows([{"key": key, "batch": "B0" if key == "p1" else "B1"} for key in ("p1", "p2", "p3")], key="key")
    lanes = ws.dynamic_partitions("lanes", under={"sample": samples})
    lanes.add("p1/L1", "p2/L1")

    @ws.asset(partitions=samples)
    def counts(partition_key: str) -> dict[str, str]: ...

    @ws.asset(partitions=lanes)
    def reads(counts: dict[str, str]) -> dict[str, str]: ...

    @ws.asset(partitions=samples)
    def consent(partition_key: str) -> dict[str, str]: ...

    @ws.asset
    def cohort(counts: dict[str, dict[str, str]]) -> dict[str, str]: ...

    end(ws, claim(ws, "counts", "p1"), RunStatus.FAILED, error_class="ValueError", error_message="secret of p1")
    for key in samples:
        record(ws, "counts", key, {"who": f"name of {key}"}, length=7)
    for key in lanes:
        record(ws, "reads", key, {"who": f"read of {key}"})
    record(ws, "cohort", None, {"rows": "3"})
    (project / "old").mkdir()
    (project / "old" / "p1.json").write_text(json.dumps({"signed": True}))
    ws.adopt("consent", "old/{partition_key}.json")
    return ws


def statuses(ws: nbpart.Workspace, asset: str) -> str:
    assert not ws.project.catalog.read(check)
    return " ".join(ws.partition_status(asset)["status"])


def every_text(root: Path) -> str:
    files = [path for top in ("data", "runs") for path in (root / top).rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in files)


def test_what_runs_left_of_a_key_is_gone_and_what_read_it_is_named(
    made: nbpart.Workspace, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert "name of p1" in every_text(made.root)
    samples = made.partition_sets["samples"]
    told = "erased 1 key, 3 partitions with data, 3 files"
    adopted = f"adopted files stay, delete them yourself: {project / 'old' / 'p1.json'}"
    with caplog.at_level(logging.INFO, "nbpart"):
        assert samples.remove("p1", delete_data=True, dry_run=True) == ["p1"]
    assert f"would have {told}; {adopted}; would be stale, since it read what is deleted: cohort\n" in caplog.text
    assert "name of p1" in every_text(made.root)
    assert list(samples) == ["p1", "p2", "p3"]
    with caplog.at_level(logging.INFO, "nbpart"):
        assert samples.remove(where="batch = 'B0'", delete_data=True, reason="withdrawn") == ["p1"]
    assert f" {told}; {adopted}; stale, since it read what is deleted: cohort\n" in caplog.text
    text = every_text(made.root)
    assert "of p1" not in text
    assert "read of p2" in text
    assert (project / "old" / "p1.json").exists()
    assert list(made.partition_sets["lanes"]) == ["p2/L1"]
    assert (statuses(made, "cohort"), statuses(made, "counts")) == ("stale", "materialized materialized")

    def recorded(batch: Batch) -> tuple[int, int, int]:
        return (
            batch.value("SELECT count(*) FROM metrics"),
            batch.value("SELECT count(*) FROM outcomes WHERE error_message IS NOT NULL"),
            batch.value("SELECT count(*) FROM data_files WHERE path LIKE '%/p1/%'"),
        )

    assert made.project.catalog.read(recorded) == (2, 0, 0)
    made.partition_sets["samples"].add_rows([{"key": "p1", "batch": "B0"}], key="key")
    assert statuses(made, "counts").split() == ["materialized", "materialized", "missing"]
    assert made.check_data("counts").empty
    history = made.history("counts", "p1")
    assert history["event"].iloc[0] == "erased"
    assert history["reason"].tolist()[:1] + history["reason"].tolist()[-1:] == ["withdrawn", "ValueError"]


def test_what_somebody_adopted_from_the_same_folders_stays(
    made: nbpart.Workspace, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = next((made.root / "data" / "counts" / "p1").iterdir())
    beside, report = own.with_name("other.json"), made.root / "runs" / "counts" / "p1" / "seen.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    for file in (beside, report):
        file.write_text("{}")
    (project / "way").symlink_to(made.root)
    others = made.dynamic_partitions("others")

    @made.asset(partitions=others)
    def copied(partition_key: str) -> dict[str, str]: ...

    @made.asset
    def seen() -> dict[str, str]: ...

    assert made.adopt("copied", project / "way" / "data" / "counts" / "p1" / "oth{partition_key}.json").count == 1
    assert made.adopt("seen", report).count == 1
    made.prune(keep=1, stray_after_s=0)
    with caplog.at_level(logging.INFO, "nbpart"):
        made.partition_sets["samples"].remove("p1", delete_data=True)
    assert (own.exists(), beside.exists(), report.exists()) == (False, True, True)
    for file in (beside, report):
        assert str(file) in caplog.text
    assert made.load("copied", "er") == made.load("seen") == {}


def test_without_it_data_stay_and_come_back(made: nbpart.Workspace) -> None:
    samples = made.partition_sets["samples"]
    assert samples.remove("p2", "p3", where="batch = 'B0'") == []
    assert samples.remove(where={"batch": "B1"}, dry_run=True) == ["p2", "p3"]
    assert samples.remove(where={"batch": "B1"}, reason="moved away") == ["p2", "p3"]
    for asset, key in (("counts", "p2"), ("reads", "p2/L1")):
        history = made.history(asset, key)
        assert history.loc[0, ["event", "reason"]].tolist() == ["removed", "moved away"]
        assert history["person"][0]
    gone = r"'counts' has no partition 'p2' any more: removed on \d{4}-.* by .*: moved away\."
    for ask in (made.why, made.load):
        with pytest.raises(UnknownNameError, match=gone):
            ask("counts", "p2")
    with pytest.raises(UnknownNameError, match="'counts' has no partition 'p9'; "):
        made.why("counts", "p9")
    with pytest.raises(UnknownNameError, match="never had"):
        made.history("reads", "p3/L1")
    samples.add_rows([{"key": "p2", "batch": "B1"}], key="key")
    assert list(made.partition_status("counts")["status"]) == ["materialized", "materialized"]


@pytest.mark.parametrize(("delete_data", "event"), [(False, "removed"), (True, "erased")])
def test_what_was_wiped_before_has_it_in_its_history_too(made: nbpart.Workspace, delete_data: bool, event: str) -> None:
    made.wipe("counts", keys="p2")
    made.partition_sets["samples"].remove("p2", delete_data=delete_data)
    assert list(made.history("counts", "p2")["event"])[:2] == [event, "wiped"]
    assert list(made.history("reads", "p2/L1")["event"])[:1] == [event]


def test_what_a_run_reads_now_is_not_erased(made: nbpart.Workspace) -> None:
    run = claim(made, "cohort", None)
    with pytest.raises(DeclarationError, match="counts/p1 is read by a run"):
        made.partition_sets["samples"].remove("p1", delete_data=True)
    end(made, run, RunStatus.CANCELLED)
    assert "p1" in made.partition_sets["samples"]


def test_a_listing_and_a_trigger_say_in_the_history_that_they_took_a_key_off(made: nbpart.Workspace) -> None:
    samples = made.partition_sets["samples"]
    samples.replace(["p3", "p1"], reason="not in the listing")
    history = made.history("counts", "p2")
    assert history.loc[0, ["event", "reason"]].tolist() == ["removed", "not in the listing"]
    assert history["person"][0]
    assert made.history("reads", "p2/L1")["event"][0] == "removed", "the child of it too"
    assert "removed" not in made.history("counts", "p1")["event"].tolist(), "what stays has no such event"

    @made.sensor(partitions=samples)
    def sweep(context: object) -> nbpart.SensorResult:
        gone = ["p1", "never there", "p2"]
        return nbpart.SensorResult(dynamic_partitions_requests=[samples.build_delete_request(gone)])

    made.tick("sweep", here=True, progress=False)
    assert list(samples) == ["p3"]
    number = made.ticks("sweep")["tick_id"][0]
    assert made.history("counts", "p1").loc[0, ["event", "person", "reason"]].tolist() == [
        "removed",
        "sweep",
        f"tick {number}",
    ]
    with pytest.raises(UnknownNameError, match=rf"any more: removed on \d{{4}}-.* by sweep: tick {number}\."):
        made.why("counts", "p1")
    assert made.history("counts", "p2")["event"].tolist().count("removed") == 1, "it was off the list before"


def test_what_a_key_left_under_its_former_name_is_its_own_and_goes_with_it(made: nbpart.Workspace) -> None:
    samples, data = made.partition_sets["samples"], made.root / "data" / "counts"
    samples.rename("p1", "q1")
    samples.rename("p2", "q2")
    samples.add_rows([{"key": "p2", "batch": "B1"}], key="key")
    record(made, "counts", "p2", {"who": "another p2"})
    assert not made.project.catalog.read(check)
    for place in ("p1", "p2"):
        (data / place / "left.json.part").write_text("of a run that died")
    samples.remove("q1", "q2", delete_data=True)
    assert not list(data.glob("p1/*"))
    assert sorted(path.suffix for path in (data / "p2").iterdir()) == [".json", ".part"], "another has that name now"
    assert made.load("counts", "p2") == {"who": "another p2"}
