"""What users of other tools met with selections and filters."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nbpart
from nbpart.cli import main
from nbpart.partitions.choice import TypedText
from tests.clocks import set_clock
from tests.recording import record


def report(partition_key: str) -> str:
    return partition_key


def keys(plan: nbpart.Plan) -> list[str]:
    return plan.frame["partition_key"].tolist()


def type_in(ws: nbpart.Workspace, *words: str) -> Result:
    """What a command in a terminal answers."""
    return CliRunner().invoke(main, ["-w", str(ws.root), *words])


def typed_keys(ws: nbpart.Workspace, *words: str) -> list[str]:
    answer = type_in(ws, "plan", "report", *words, "--json")
    assert answer.exit_code == 0, answer.output
    return [row["partition_key"] for row in json.loads(answer.stdout)]


def test_a_key_that_is_json_or_looks_like_a_range_is_one_key(ws: nbpart.Workspace) -> None:
    texts = ['{"scenario":1, "version":1}', '{"scenario":1', '"version":1}', "a..b", "a", "b"]
    ws.asset(report, partitions=texts)
    for text in texts:
        quoted = text.replace("'", "''")
        chosen: list[dict[str, Any]] = [
            {"keys": text},
            {"keys": TypedText(text)},
            {"where": f"partition_key = '{quoted}'"},
            {"where": {"partition_key": text}},
        ]
        assert [keys(ws.plan("report", **one)) for one in chosen] == [[text]] * len(chosen)
        assert typed_keys(ws, "--keys", text) == typed_keys(ws, "--where", f"partition_key = '{quoted}'") == [text]


def test_values_with_and_in_them_and_negative_numbers(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "kind": str})
    trials.add_rows([{"lr": -0.5, "kind": "randomforest and boost"}, {"lr": -0.5, "kind": "O'Hare -- x"}])
    first, second = trials
    ws.asset(report, partitions=trials)
    assert keys(ws.plan("report", where="kind = 'randomforest and boost' and lr > -0.6")) == [first]
    for where in (
        {"kind": "O'Hare -- x"},
        ("kind = $k", {"k": "O'Hare -- x"}),
        "kind = 'O''Hare -- x'",
    ):
        assert keys(ws.plan("report", where=where)) == [second]
    assert typed_keys(ws, "--where", "kind = 'O''Hare -- x'") == [second]
    assert typed_keys(ws, "--where", "kind = 'randomforest and boost' and lr > -0.6") == [first]
    assert trials.where({"kind": "O'Hare -- x"})["partition_key"].tolist() == [second]
    assert ws.partition_status("report", where="lr < -0.6").empty


@pytest.fixture
def samples(ws: nbpart.Workspace) -> nbpart.Workspace:
    rows = ws.dynamic_partitions("samples", columns={"batch": str})
    batches = ["A", "A", "B", None, None]
    rows.add_rows([{"partition_key": str(n), "batch": batch} for n, batch in enumerate(batches)], key="partition_key")
    ws.asset(report, partitions=rows)
    for key, accuracy in enumerate([0.9, 0.4, math.nan, None, 0.6]):
        record(ws, "report", str(key), "x", **({} if accuracy is None else {"accuracy": accuracy}))
    return ws


def test_rows_without_a_value_can_be_asked_for(samples: nbpart.Workspace) -> None:
    counts = {
        "batch <> 'A'": 1,
        "batch not in ('A','B')": 0,
        "not (batch = 'A')": 1,
        "batch is null": 2,
        "batch is distinct from 'A'": 3,
        "accuracy > 0.5": 2,
        "accuracy is null": 2,
    }
    assert {where: len(samples.partition_status("report", where=where)) for where in counts} == counts
    runs = samples.runs("report", where="accuracy > 0.5")
    assert set(runs["partition_key"]) == {"0", "4"}
    assert samples.runs("report", "0", where="accuracy < 0.5").empty
    with pytest.raises(nbpart.DeclarationError, match="asked of the partitions of an asset"):
        samples.runs(where="accuracy > 0.5")


HOURS = {
    "window_start >= timestamp '2024-03-10 03:00' and window_start < timestamp '2024-03-11 00:00'": 21,
    "window_start::date = date '2024-03-10'": 23,
    "window_start >= '2024-03-10 03:00' and hours::date = date '2024-03-10'": 21,
    "window_end - window_start > interval 1 hour": 0,
    "window_start = timestamptz '2024-03-10 07:00:00+00'": 1,
}


def test_the_zone_of_the_session_changes_no_answer(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process may have any TZ: that of the set holds, while a condition is asked and not after it."""
    set_clock(ws, "2024-03-15")
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2024-03-08", timezone="America/New_York"))
    ws.asset(report, partitions=hours)
    assert {where: len(hours.where(where)) for where in HOURS} == HOURS
    found = hours.where(next(iter(HOURS)))["partition_key"].tolist()
    assert (found[0], found[-1]) == ("2024-03-10T03:00", "2024-03-10T23:00")
    assert len(ws.plan("report", where=("window_start = $at", {"at": hours.frame["window_start"][0]}))) == 1
    zone = ws.project.catalog.read(lambda batch: batch.value("SELECT current_setting('TimeZone')"))
    assert zone == "UTC"
    script = (
        "import json, nbpart, sys; ws = nbpart.open(sys.argv[1]);"
        " print(json.dumps([len(ws.partition_sets['hours'].where(one)) for one in json.loads(sys.argv[2])]))"
    )
    given = [sys.executable, "-c", script, str(ws.root), json.dumps(list(HOURS))]
    for process_zone in ("UTC", "Asia/Tokyo", "Pacific/Apia"):
        monkeypatch.setenv("TZ", process_zone)
        answer = subprocess.run(given, capture_output=True, text=True, check=True).stdout
        assert json.loads(answer) == list(HOURS.values())


def test_the_last_day_of_a_range_is_in_it(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2024-11-10")
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2024-11-01", timezone="America/New_York"))
    ws.asset(report, partitions=hours)
    chosen = [
        nbpart.between("2024-11-02", "2024-11-03"),
        TypedText("2024-11-02..2024-11-03"),
        "2024-11-03",
        [date(2024, 11, 3)],
    ]
    assert [len(ws.plan("report", keys)) for keys in chosen] == [49, 49, 25, 25]
    assert [len(typed_keys(ws, "-k", text)) for text in ("2024-11-02..2024-11-03", "2024-11-03")] == [49, 25]


def test_values_of_any_text_come_back_as_they_were(ws: nbpart.Workspace, tmp_path: Path) -> None:
    notes = ws.dynamic_partitions("notes", params={"note": str | None})
    given = ["a&b", "/x/%r.bin", "me@b.c", "null", None]
    notes.add_grid(note=given)
    added = list(notes)
    ws.asset(report, partitions=notes)
    assert len(added) == len(given)
    assert [notes.row(key)["note"] for key in added] == given
    for key, note in zip(added, given, strict=True):
        for chosen in ({"keys": {"note": note}}, {"where": {"note": note}}, {"keys": TypedText(key)}):
            assert keys(ws.plan("report", **chosen)) == [key]
        assert typed_keys(ws, "-k", key) == [key]
        assert nbpart.current_run("report", partition_key=key, workspace=ws.root).params == {"note": note}


def test_values_that_are_typed_are_those_that_are_given(ws: nbpart.Workspace) -> None:
    notes = ws.dynamic_partitions("notes", params={"note": str | None})
    notes.add({"note": None}, {"note": "null"})
    typed = [word for note in ("a&b", "/x/%25r.bin", "me@b.c") for word in ("--add", f"note={note}")]
    answer = type_in(ws, "partitions", "--set", "notes", *typed, "--json")
    assert answer.exit_code == 0, answer.output
    assert [notes.row(key)["note"] for key in notes] == [None, "null", "a&b", "/x/%r.bin", "me@b.c"]


def test_texts_that_steer_a_terminal_choose_and_are_not_shown_as_they_are(ws: nbpart.Workspace) -> None:
    odd = ["\u202egnp.exe", "a\u200bb", "<script>alert('x')</script>"]
    ws.asset(report, partitions=odd)
    for key in odd:
        quoted = key.replace("'", "''")
        assert typed_keys(ws, "--where", f"partition_key = '{quoted}'") == [key]
        assert typed_keys(ws, "--keys", key) == [key]
    shown = type_in(ws, "plan", "report", "--where", "partition_key like '%exe'")
    refused = type_in(ws, "plan", "report", "--where", "partition_key = '\x1b[2J' and lrr\x1b[2J < 1 \x07")
    assert (shown.exit_code, refused.exit_code) == (0, 2)
    for answer in (shown, refused):
        assert not {"\x1b", "\x07", "\u202e"} & set(answer.output), answer.output
    assert len(refused.stderr.splitlines()) == 1
