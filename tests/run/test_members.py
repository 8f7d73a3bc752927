"""Runs of many without a kernel: what the notebook's process notes, and what is read of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbpart.run.members import MemberRun, WholeRun, add_member_reports, read_member_outputs
from nbpart.run.report import RunReport
from nbpart.run.spec import ONE, InputItem, InputSpec, Member, MemberReads, RunSpec
from nbpart.states import RunStatus
from tests.run.conftest import make_report, make_spec


def make_many(folder: Path, n: int) -> RunSpec:
    keys = [f"key {i}" for i in range(n)]
    members = tuple(
        Member(i + 1, f"r-{i + 1:06d}", key, f"data/{i}", reads={"raw": MemberReads((i,))})
        for i, key in enumerate(keys)
    )
    items = tuple(InputItem(key, f"/data/{key}", "source") for key in keys)
    return make_spec(
        folder,
        "many",
        run_no=1,
        partition_key=None,
        members=members,
        inputs={"raw": InputSpec("asset", ONE, items, is_split=True)},
    )


def end(spec: RunSpec, status: RunStatus = RunStatus.SUCCEEDED) -> RunReport:
    (Path(spec.locate(spec.report)).parent).mkdir(parents=True, exist_ok=True)
    return add_member_reports(spec, make_report(spec, status))


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    spec = make_many(tmp_path, 3)
    return spec


def test_each_partition_of_a_run_of_many_is_saved_in_the_format_of_the_asset(spec: RunSpec) -> None:
    whole = WholeRun(replace(spec, format="pickle"))
    with whole.partition("key 0") as one:
        one.save({1})
    whole.save({"key 1": {2}, "key 2": {"n": 3}})
    whole.save({"key 1": [4]}, "more")
    whole.save({"key 1": {5}}, "sets", format="joblib")
    noted = read_member_outputs(whole.spec)
    assert {no: {file.name: file.format for file in note.output.files} for no, note in noted.items()} == {
        1: {"": "pickle"},
        2: {"": "pickle", "more": "json", "sets": "joblib"},
        3: {"": "pickle"},
    }


def test_what_a_partition_came_to_in_several_blocks_is_noted_together(spec: RunSpec) -> None:
    whole = WholeRun(spec)
    whole.save({"key 0": "data"})
    with whole.partition("key 0") as one:
        one.log(loss=0.5)
    with whole.partition("key 0") as one:
        one.save({"n": 1}, "about")
        one.save(b"data")
    note = read_member_outputs(spec)[1]
    assert note.done
    assert {file.name: file.format for file in note.output.files} == {"": "bytes", "about": "json"}
    assert note.output.metrics == {"loss": 0.5}
    assert whole.store.stat("data/0.txt") is None, "what was saved again under a name is replaced"


def statuses(result: RunReport) -> list[str]:
    return [str(member.status) for member in result.members.values()]


def test_twenty_thousand_keys_find_what_they_read(tmp_path: Path) -> None:
    spec = make_many(tmp_path, 20_000)
    whole = WholeRun(spec)
    looked = 0

    class Counted(str):
        """A key that counts how often it is compared."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal looked
            looked += 1
            return str.__eq__(self, other)

    for key in whole.partition_keys:
        assert whole.partition(Counted(key)).load("raw", key=Counted(key)) == f"/data/{key}"
    assert looked < 20 * 20_000


def test_a_line_cut_short_takes_only_its_own_key(spec: RunSpec) -> None:
    whole = WholeRun(spec)
    for key in ("key 0", "key 1"):
        with whole.partition(key) as one:
            one.save(key)
            one.log(n=1)
    content = spec.part.read_bytes()
    spec.part.write_bytes(content[:-20])
    result = end(spec, RunStatus.FAILED)
    assert statuses(result) == ["succeeded", "failed", "failed"]
    with whole.partition("key 2") as one:
        one.log(n=2)
    assert statuses(end(spec, RunStatus.FAILED)) == ["succeeded", "failed", "succeeded"]


def test_a_note_of_an_unknown_run_is_left_out(spec: RunSpec) -> None:
    whole = WholeRun(spec)
    with whole.partition("key 0") as one:
        one.log(n=1)
    note = json.loads(spec.part.read_text().split("\n")[1])
    for wrong in ({"run_no": 2}, {"run_no": 77}, {"partition_key": "key 1"}):
        with open(spec.part, "a") as file:
            file.write(json.dumps(note | {"error_class": "E", "done": False} | wrong) + "\n")
    assert list(read_member_outputs(spec)) == [1]
    assert read_member_outputs(spec)[1].error_class is None


def test_what_cannot_be_written_down_fails_its_own_key(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = WholeRun(spec)
    output = MemberRun.output.fget  # type: ignore[attr-defined]

    def broken(self: MemberRun) -> Any:
        found = output(self)
        return type(found)(found.files, {"bad": object()}) if self.partition_key == "key 1" else found

    monkeypatch.setattr(MemberRun, "output", property(broken))
    for key in whole.partition_keys:
        with whole.partition(key) as one:
            one.save(key)
    result = end(spec)
    assert statuses(result) == ["succeeded", "failed", "succeeded"]
    assert result.members[2].error_class == "RecordingError"


def test_an_error_whose_message_cannot_be_shown_is_recorded(spec: RunSpec, capsys: pytest.CaptureFixture[str]) -> None:
    whole = WholeRun(spec)
    with whole.partition("key 0"):
        raise ValueError("caf\udce9" + "x" * 1_000_000)
    with whole.partition("key 1") as one:
        one.log(n=1)
    result = end(spec)
    assert statuses(result) == ["failed", "succeeded", "failed"]
    assert (result.members[1].error_message or "").startswith("caf\\udce9xxx")
    assert len(spec.part.read_bytes()) < 500_000
    capsys.readouterr().err.encode()


def test_an_exit_in_a_block_is_that_partition_s(spec: RunSpec) -> None:
    whole = WholeRun(spec)
    for key, code in zip(whole.partition_keys, (0, None, "no data"), strict=True):
        with whole.partition(key):
            raise SystemExit(code)
    result = end(spec)
    assert statuses(result) == ["succeeded", "succeeded", "failed"]
    assert (result.members[3].error_class, result.members[3].error_message) == ("SystemExit", "no data")
    with pytest.raises(KeyboardInterrupt), whole.partition("key 0"):
        raise KeyboardInterrupt


def test_a_file_of_another_run_is_never_written_over(spec: RunSpec) -> None:
    whole = WholeRun(spec)
    whole.save({"key 0": "one"})
    whole.save({"key 0": "two"})  # its own is
    [file] = read_member_outputs(spec)[1].output.files
    assert Path(spec.workspace, file.path).read_text() == "two"
    other = WholeRun(spec)
    with pytest.raises(FileExistsError, match="cannot be saved"):
        other.save({"key 0": "three"})
    assert Path(spec.workspace, file.path).read_text() == "two"
    with pytest.raises(FileExistsError, match="of another run"):
        other.partition("key 0").output_path("txt")
