"""What a person gets in hand says in a line what it is: as it is written, or in angle brackets, never an address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.run.kernels.kept_kernel import Frame, Inspection, Variable
from tests.recording import record
from tests.workspaces import project, ws

__all__ = ["project", "ws"]

DAYS = nbpart.DailyPartitions("days", start="2026-11-01", timezone="America/New_York")
#: As they are written; what is spelled so makes an equal one.
SPELLED: list[Any] = [
    DAYS,
    nbpart.HourlyPartitions("hours", start="2026-01-01 05:00", end="2026-02-01"),
    nbpart.TimeWindowPartitions("c", "0 */2 * * *", start="2026-01-01", column="at"),
    nbpart.StaticPartitions(["a", "b"], name="ab"),
    nbpart.same(), nbpart.all_keys("ignore"), nbpart.overlap(-6), nbpart.overlap(-6, 1, "block", of="x"),
    nbpart.previous(3, of="balance"), nbpart.last(), nbpart.only("a", 3), nbpart.where("upstream.a < this.a"),
    nbpart.by("origin", theirs="mine", day=nbpart.previous(), week=("d", nbpart.overlap(-1))),
    nbpart.between("a", "b"), nbpart.loguniform(1e-4, 0.1), nbpart.choice([1, 2]),
]  # fmt: skip


@pytest.mark.parametrize("value", SPELLED, ids=repr)
def test_it_is_spelled_as_it_is_written(value: Any) -> None:
    assert len(repr(value)) < 160
    again = eval(f"nbpart.{value!r}".replace("previous()", "nbpart.previous()").replace("nbpart.nbpart", "nbpart")
                 .replace("('d', overlap", "('d', nbpart.overlap"), {"nbpart": nbpart})  # fmt: skip
    assert again == value


def test_what_is_long_is_cut() -> None:
    many = [f"key-{n}" for n in range(10_000)]
    for value in (
        nbpart.StaticPartitions(many),
        nbpart.only(*many),
        nbpart.pairs({"upstream": many, "this": many}),
        nbpart.MultiPartitions({"day": DAYS, "key": nbpart.StaticPartitions(many, name="keys")}),
        nbpart.DynamicPartitions("t", {"lr": nbpart.uniform(0, 1)}, {"batch": str}, {"day": DAYS}),
    ):
        assert len(repr(value)) < 200, repr(value)
    assert repr(nbpart.MultiPartitions({"day": DAYS, "k": ["a"]}, name="p")).startswith(
        "MultiPartitions({'day': 'days', "
    )


def test_all_that_a_workspace_hands_out_is_told_in_a_line(ws: nbpart.Workspace, project: Path) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a", "<script>")

    @ws.asset(partitions=files)
    def made(partition_key: str, run: Any) -> dict[str, str]:
        """Says <b>."""
        return {}

    record(ws, "made", "<script>", {"x": 1})
    run = ws.get_run(ws.runs()["run_id"].iloc[0])
    handed = [ws, files, made, ws.assets, ws.assets["made"], ws.plan("made"), ws.backfills, run, ws.why("made", "a"),
              ws.refresh(), ws.triggers, ws.edit("made", "a"), ws.compare("made"), ws.doctor()]  # fmt: skip
    for one in handed:
        assert not re.search(r"object at 0x|0x[0-9a-f]{6}", repr(one)), repr(one)
        page = one._repr_html_() if hasattr(one, "_repr_html_") else ""
        assert "<script>" not in (page or "")
        assert isinstance(one, type(ws.doctor())) or len(repr(one)) < 300, repr(one)
    assert repr(ws.assets["made"]) == "<function 'made' over 'files'>"
    assert "Says &lt;b&gt;." in ws.assets._repr_html_()
    assert "<b>made/&lt;script&gt;</b>" in run._repr_html_()


def test_a_set_displays_its_first_rows(ws: nbpart.Workspace) -> None:
    samples = ws.dynamic_partitions("samples", columns={"batch": str})
    samples.add_rows([{"key": f"<b>{n}", "batch": f"B{n}"} for n in range(1000)], key="key")
    page = samples._repr_html_()
    assert "1,000 dynamic partitions &#x27;samples&#x27;" in page
    assert "&lt;b&gt;7" in page
    assert "B7" in page
    assert "B8" not in page
    assert "<b>7" not in page


def test_many_assets_are_not_listed_to_the_last(ws: nbpart.Workspace) -> None:
    ws.register(*(nbpart.source(f"s{n}", f"{n}.csv") for n in range(150)))
    assert repr(ws.assets).endswith("s9 and 138 more>") or len(repr(ws.assets)) < 200
    assert "50 more" in ws.assets._repr_html_()


def test_an_inspection_is_a_line_a_variable() -> None:
    found = Inspection(
        (Variable("x", "builtins.int", "3"), Variable("long", "builtins.str", "a\n" * 500)),
        (Frame("clean", "<cell>", 4, True, (Variable("row", "builtins.dict", "{}"),)),),
    )
    lines = repr(found).splitlines()
    assert lines[:2] == ["2 variables of the notebook", "  x: int = 3"]
    assert lines[2].endswith("…")
    assert lines[3:] == ["raised in clean, line 4", "  row: dict = {}"]
