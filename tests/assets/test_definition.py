from __future__ import annotations

import json
from datetime import UTC, timedelta
from pathlib import Path
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from nbpart.assets.automation import Automation, on_missing
from nbpart.assets.check_definition import CheckArgument, CheckDefinition
from nbpart.assets.definition import AssetDefinition, Dependency, Input
from nbpart.assets.freshness import Expectation
from nbpart.assets.metrics import Metric
from nbpart.assets.source_reading import FunctionCode, SourceReading
from nbpart.partitions.filters import Condition
from nbpart.partitions.mapping import all_keys, by, last, only, overlap, pairs, previous, same, whole
from nbpart.storage.named_format import FormatName
from nbpart.storage.url_template import UrlTemplate

ROOT = Path("/a project/workspace")
TEXTS = st.text(max_size=12)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS)
MAPPINGS = st.sampled_from(
    [
        same(), whole(), all_keys(), all_keys('ignore'), overlap(-6), previous(2, 'block'), last(), only('a', 'b'),
        by('shop', day=previous()), pairs({'upstream': ['a'], 'this': ['b']}),
    ]
)  # fmt: skip
CODES = st.builds(FunctionCode, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
VALUES_OF_CONDITIONS = st.one_of(
    VALUES, st.dates(), st.datetimes(timezones=st.none() | st.just(UTC)), st.times(), st.decimals(allow_nan=False),
    st.timedeltas(timedelta(days=-999), timedelta(days=999)),
)  # fmt: skip
CONDITIONS = st.builds(
    Condition,
    TEXTS,
    st.lists(st.tuples(TEXTS, VALUES_OF_CONDITIONS | st.lists(VALUES_OF_CONDITIONS, max_size=2)), max_size=2).map(
        tuple
    ),
)
DEFINITIONS = st.builds(
    AssetDefinition,
    name=TEXTS,
    kind=st.sampled_from(["function", "notebook", "source"]),
    set_name=TEXTS,
    inputs=st.lists(st.builds(Input, TEXTS, MAPPINGS, TEXTS.filter(bool), st.booleans()), max_size=4).map(tuple),
    code_version=TEXTS,
    folder=TEXTS,
    path=st.none() | TEXTS,
    snapshot=st.none() | TEXTS,
    import_roots=st.lists(TEXTS, max_size=3).map(tuple),
    late_roots=st.lists(TEXTS, max_size=3).map(tuple),
    modules=st.dictionaries(TEXTS, st.tuples(TEXTS, TEXTS), max_size=3),
    settings=st.dictionaries(TEXTS, VALUES, max_size=3),
    deps=st.lists(st.builds(Dependency, TEXTS, TEXTS, st.none() | MAPPINGS), max_size=3).map(tuple),
    on_missing_input=st.sampled_from(["block", "skip"]),
    description=TEXTS,
    group=TEXTS,
    tags=st.lists(TEXTS, max_size=3).map(tuple),
    retries=st.none() | st.integers(0, 100),
    backoff_s=st.none() | st.floats(0, 1e6),
    timeout_s=st.none() | st.floats(0.1, 1e6),
    limit=st.none() | st.integers(1, 100),
    kernel_name=st.none() | TEXTS,
    language=TEXTS,
    origin=TEXTS,
    secrets=st.lists(TEXTS, max_size=3).map(tuple),
    env=st.dictionaries(TEXTS, TEXTS, max_size=3),
    module=TEXTS,
    kernel=TEXTS,
    columns=st.lists(TEXTS, max_size=3).map(tuple),
    bound=st.lists(TEXTS, max_size=3).map(tuple),
    fresh=st.none() | st.builds(Expectation, TEXTS, st.none() | TEXTS, TEXTS),
    format=st.none() | st.sampled_from(list(get_args(FormatName))),
    metrics=st.dictionaries(
        TEXTS, st.builds(Metric, st.sampled_from(["max", "min"]), st.sampled_from(["best", "last"])), max_size=3
    ),
    check_cells=st.lists(
        st.builds(
            CheckDefinition,
            TEXTS,
            st.just("cell"),
            TEXTS,
            st.booleans(),
            st.sampled_from(["error", "warn"]),
            TEXTS,
            st.none() | CODES,
            st.lists(st.builds(CheckArgument, TEXTS, TEXTS), max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    automation=st.none()
    | st.builds(Automation, st.just("eager"), st.floats(1, 1e6), st.none(), st.none() | CONDITIONS)
    | st.builds(on_missing, at_most=st.integers(1, 1000)),
    reading=st.none()
    | st.builds(SourceReading, TEXTS, st.dictionaries(TEXTS, VALUES, max_size=3), st.none() | CODES, st.none() | CODES),
)


@given(DEFINITIONS)
def test_a_definition_survives_json(definition: AssetDefinition) -> None:
    read = AssetDefinition.from_json(json.loads(json.dumps(definition.to_json(ROOT))))
    assert read == definition


def test_the_property_tests_vary_every_field() -> None:
    strategies = {"name", "kind"} | set(AssetDefinition.__dataclass_fields__)
    made = DEFINITIONS.wrapped_strategy.kwargs  # type: ignore[attr-defined]
    assert set(made) == strategies


@given(DEFINITIONS)
def test_a_field_of_a_newer_version_is_ignored(definition: AssetDefinition) -> None:
    assert AssetDefinition.from_json({**definition.to_json(ROOT), "from_the_future": [1]}) == definition


def test_a_definition_of_an_older_version_gets_the_defaults() -> None:
    read = AssetDefinition.from_json({"name": "model", "kind": "notebook"})
    assert read == AssetDefinition("model", "notebook")
    assert read.on_missing_input == "block"


def test_a_definition_knows_whether_it_is_a_source_and_partitioned() -> None:
    inbox = AssetDefinition("inbox", "source", set_name="files")
    assert inbox.is_source
    assert inbox.is_partitioned
    model = AssetDefinition("model", "notebook")
    assert not model.is_source
    assert not model.is_partitioned


def test_paths_of_code_near_the_workspace_move_with_it() -> None:
    definition = AssetDefinition(
        "model",
        "notebook",
        folder="/a project/notebooks",
        path="/a project/notebooks/model.ipynb",
        origin="/a project/notebooks/model.ipynb",
        import_roots=("/a project", "/elsewhere/lib"),
        modules={"here": ("code/here.py", "/a project/here.py"), "there": ("code/there.py", "/elsewhere/lib/there.py")},
    )
    kept = json.loads(json.dumps(definition.to_json(ROOT)))
    assert AssetDefinition.from_json(kept, ROOT) == definition
    moved = AssetDefinition.from_json(kept, Path("/b/workspace"))
    assert (moved.folder, moved.path, moved.origin) == ("/b/notebooks", *["/b/notebooks/model.ipynb"] * 2)
    assert moved.import_roots == ("/b", "/elsewhere/lib")
    assert [original for _, original in moved.modules.values()] == ["/b/here.py", "/elsewhere/lib/there.py"]


def test_patterns_of_sources_near_the_workspace_move_with_it() -> None:
    for path, moved in {
        "inbox/{partition_key}.csv": "/b/notebooks/inbox/k.csv",
        "/a project/inbox/{partition_key}.csv": "/b/inbox/k.csv",
        "/elsewhere/{partition_key}.csv": "/elsewhere/k.csv",
        "s3://bucket/{partition_key}.csv": "s3://bucket/k.csv",
    }.items():
        kept = AssetDefinition("inbox", "source", folder="/a project/notebooks", path=path).to_json(ROOT)
        found = AssetDefinition.from_json(kept, Path("/b/workspace"))
        assert UrlTemplate.parse(found.path or "").below(found.folder).fill({"partition_key": "k"}) == moved
