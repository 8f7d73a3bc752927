"""The words of causes, and the sentence of a chain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nbpart.catalog.causes import Cause, CauseKind, describe_briefly, describe_chain
from nbpart.partitions import PartitionRef

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def stale(asset: str, kind: CauseKind = CauseKind.INPUT_STALE, **known: object) -> Cause:
    return Cause(PartitionRef(asset, "a.csv"), "stale", kind, **known)  # type: ignore[arg-type]


def test_a_chain_is_one_sentence() -> None:
    changed = NOW - timedelta(minutes=2)
    first = stale("report", subject=PartitionRef("cleaned", "a.csv"))
    root = stale("cleaned", CauseKind.INPUT_CHANGED, subject=PartitionRef("inbox", "a.csv"), is_source=True, at=changed)
    clock = changed.astimezone().strftime("%H:%M")
    assert describe_chain([first, root], NOW) == (
        f"stale: input cleaned[a.csv] is stale: its source inbox[a.csv] changed {clock}"
    )
    assert describe_chain([root], NOW + timedelta(days=2)).endswith(changed.astimezone().strftime(" %Y-%m-%d %H:%M"))


def test_a_long_chain_tells_its_beginning_and_its_root() -> None:
    links = [stale(f"a{n}", subject=PartitionRef(f"a{n + 1}", "a.csv")) for n in range(9)]
    text = describe_chain([*links, stale("a9", CauseKind.CODE_CHANGED, detail=" (KEEP)")], NOW)
    assert text == (
        "stale: input a1[a.csv] is stale: its input a2[a.csv] is stale: ... 7 more ...: "
        "a9[a.csv] is stale: its code changed (KEEP)"
    )


def test_the_head_says_what_keeps_a_partition_from_being_made() -> None:
    failed = stale("cleaned", CauseKind.FAILED, detail="ParserError: no columns")
    blocked = stale("report", CauseKind.INPUT_FAILED, subject=PartitionRef("cleaned", "a.csv"))
    assert describe_chain([blocked, failed], NOW) == "blocked: cleaned[a.csv] failed: ParserError: no columns"
    waiting = stale("report", CauseKind.WAITING, detail="2013-01-07 has not ended")
    assert describe_chain([waiting], NOW) == "waiting: 2013-01-07 has not ended"


@pytest.mark.parametrize("kind", CauseKind)
def test_every_kind_has_words(kind: CauseKind) -> None:
    cause = stale("a", kind, subject=PartitionRef("b", "x"), at=NOW, detail="(detail)")
    assert cause.describe(NOW)
    assert "{" not in cause.describe(NOW) + describe_briefly(kind)
