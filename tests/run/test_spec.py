from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import ParameterError
from nbpart.run.input_files import InputFile
from nbpart.run.spec import (
    MANY,
    ONE,
    InputItem,
    InputSpec,
    Member,
    RunSpec,
    decode_value,
    encode_value,
)
from tests.run.conftest import make_spec

_text = st.text(st.characters(codec="utf-8"))
_value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | _text
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(_text | st.sampled_from(["$date", "$dict"]) | st.integers(), inner),
    max_leaves=8,
)


@given(_value)
def test_values_keep_their_type(value: Any) -> None:
    again = decode_value(encode_value(value))
    assert again == value
    assert type(again) is type(value)


def test_what_cannot_travel_is_refused() -> None:
    with pytest.raises(ParameterError, match="object cannot be handed"):
        encode_value({"a": [object()]})


def item(number: int) -> InputItem:
    params = {"day": datetime.date(2024, 5, 1), "n": number}
    return InputItem(
        f"k{number}", f"/data/{number}", "frame", params, "ab", {"roc": InputFile(f"/data/{number}.png", "figure", 7)}
    )


@pytest.mark.parametrize("count", [0, 1, 1000, 1001])
def test_spec_round_trip(tmp_path: Path, count: int) -> None:
    spec = make_spec(
        tmp_path,
        "r1",
        params={"day": datetime.date(2024, 5, 1), "at": datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC), "x": 0.1},
        settings={"deep": {"a": [1, None]}},
        injected={"day": datetime.date(2024, 5, 1)},
        inputs={
            "many": InputSpec("asset", MANY, tuple(item(number) for number in range(count)), ("gone",)),
            "whole": InputSpec("source", ONE, (InputItem(None, "/in", "source"),)),
        },
        import_roots=("/code",),
        modules={"pkg.mod": ("/snap", "/code/pkg/mod.py")},
        timeout_s=3.5,
    )
    assert RunSpec.read(spec.write()) == spec
    assert RunSpec.from_json(spec.to_json(), str(tmp_path)) == spec
    beside = spec.path.with_name(spec.path.name + ".many.parquet")
    assert beside.exists() == (count > 1000)
    spec.remove_files()
    assert not spec.path.exists()
    assert not beside.exists()


def test_a_spec_is_read_where_its_workspace_is_now(tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "workspace", tmp_path / "two" / "renamed"
    first.mkdir(parents=True)

    def build(root: Path) -> RunSpec:
        frame = InputItem("k", "data/x.parquet", "frame", files={"a": InputFile("data/a", "text")})
        inbox = InputItem(None, "../inbox/a.txt", "source")
        return replace(
            make_spec(root, "r1"),
            inputs={
                "x": InputSpec("asset", MANY, (frame,) * 1001),
                "inbox": InputSpec("source", ONE, (inbox, InputItem("u", "s3://bucket/a", "source"))),
            },
            folder="..",
            import_roots=("../src", "/usr/lib/somewhere"),
            modules={"m": ("code/m.py", "../src/m.py")},
            keep_kernel="runs/_kernels/r1-1.json",
            members=(Member(1, "r1", "k", "data/k"),),
        )

    written = build(first).write()
    assert str(tmp_path) not in written.read_text()
    second.parent.mkdir()
    first.rename(second)
    spec = RunSpec.read(second / written.relative_to(first))
    assert spec == build(second)
    assert spec.locate(spec.folder) == str(second.parent)
    [inbox, bucket] = spec.inputs["inbox"].items
    assert spec.locate(inbox.location) == str(second.parent / "inbox" / "a.txt")
    assert spec.locate(bucket.location) == "s3://bucket/a"
    src = str(second.parent / "src")
    assert spec.imports == ((src, "/usr/lib/somewhere"), {"m": (str(second / "code" / "m.py"), f"{src}/m.py")}, ())
    assert spec.path == second / "runs" / "r1-1.json.spec"
