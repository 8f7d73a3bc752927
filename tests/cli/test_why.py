"""`nbpart why` and `nbpart plan --why`: the sentence of `ws.why` in a terminal."""

from __future__ import annotations

import json

from tests.cli.conftest import Ask


def test_the_sentence_and_the_chain_of_a_partition(ask: Ask) -> None:
    assert ask("why", "sizes", "a.csv").stdout.startswith("sizes[a.csv] is ")
    told = json.loads(ask("why", "sizes", "a.csv", "--json").stdout)
    assert [link["asset"] for link in told["chain"]][:1] == ["sizes"]
    assert told["text"].partition(": ")[2] == told["chain"][0]["detail"]
    assert "absent.csv" in ask("why", "sizes", "absent.csv", code=2).output


def test_a_plan_says_why(ask: Ask) -> None:
    rows = json.loads(ask("plan", "sizes", "--why", "--json").stdout)
    assert rows
    assert all(row["reason"].startswith(("missing: ", "waiting: ", "stale: ")) for row in rows)
