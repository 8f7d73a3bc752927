"""What Dagster answers to questions about partitions, asked of definitions, choices, mappings and the reference.

`dagster_cases.json` holds the questions. Where nbpart differs its own answer stands here, with the reason.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nbpart.errors import NbpartError
from nbpart.partitions import (
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    PartitionsDefinition,
    StaticPartitions,
    TimeWindowPartitions,
    WeeklyPartitions,
)
from nbpart.partitions.choice import between, read_choice
from nbpart.partitions.mapping import AllKeys, By, Mapping, Overlap, all_keys, by, last, only, overlap, pairs, same
from nbpart.partitions.mapping_check import check_mapping
from nbpart.partitions.shared_structure import default_mapping
from tests.partitions.reference import Clock, Row, choose, find_readers, list_rows, make_row, members, read

CASES = {
    case["id"]: case for case in json.loads(Path(__file__).with_name("dagster_cases.json").read_text("utf-8"))["cases"]
}
#: What no pure function answers: a schedule is asked of a workspace.
UNANSWERED = {"sch-001", "sch-002"}
REFUSED: Any = object()
YEAR = [(datetime(2023, 1, 5) + timedelta(days=n)).strftime("%Y-%m-%d") for n in range(361)]

#: Our answers where they differ: the reason stands in the case, or here where the case has none.
OURS: dict[str, Any] = {
    "off-003": None,  # a text that is no key has no window
    "cron-007": REFUSED,
    "excl-004": None,
    "off-009": [  # the first of the two, as in dst-011
        ["2020-10-30-01:00", "2020-10-30T01:00:00-07:00", "2020-10-31T01:00:00-07:00"],
        ["2020-10-31-01:00", "2020-10-31T01:00:00-07:00", "2020-11-01T01:00:00-07:00"],
        ["2020-11-01-01:00", "2020-11-01T01:00:00-07:00", "2020-11-02T01:00:00-08:00"],
        ["2020-11-02-01:00", "2020-11-02T01:00:00-08:00", "2020-11-03T01:00:00-08:00"],
    ],
    "dst-011": [
        ["2023-11-03", "2023-11-03T01:30:00-07:00", "2023-11-04T01:30:00-07:00"],
        ["2023-11-04", "2023-11-04T01:30:00-07:00", "2023-11-05T01:30:00-07:00"],
        ["2023-11-05", "2023-11-05T01:30:00-07:00", "2023-11-06T01:30:00-08:00"],
        ["2023-11-06", "2023-11-06T01:30:00-08:00", "2023-11-07T01:30:00-08:00"],
    ],
    "dst-014": [
        ["2011-12-28", "2011-12-28T00:00:00-10:00", "2011-12-29T00:00:00-10:00"],
        ["2011-12-29", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"],
        ["2011-12-31", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"],
        ["2012-01-01", "2012-01-01T00:00:00+14:00", "2012-01-02T00:00:00+14:00"],
    ],
    "rng-004": ["2021-05-02", "2021-05-03"],
    "rng-005": REFUSED,
    "rng-007": REFUSED,
    "st-002": "made",
    "st-004": REFUSED,  # a key has at least one character
    "mul-001": "made",
    "mul-002": "made",
    "mul-005": ["x|y|1", "x|y|2", "z|1", "z|2"],
    "mul-006": 4,
    "def-008": {"keys": ["a", "c"], "required_but_missing": []},
    "map-029": {"keys": ["2023-01-01", "2023-01-02", "2023-01-03", "2023-01-04"], "required_but_missing": YEAR},
    "map-038": {
        "keys": ["2025-01-06", "2025-01-07", "2025-01-08", "2025-01-09", "2025-01-10"],
        "required_but_missing": [],
    },
    "oth-009": REFUSED,
}
#: Cases with a remark that our answer fulfils as it stands.
SAME_ANSWER = {"dst-015", "map-013"}


def test_every_case_is_asked_and_every_difference_has_a_reason() -> None:
    assert len(CASES) == 109
    differing = {name for name, case in CASES.items() if "nbpart_should" in case}
    assert differing - SAME_ANSWER <= set(OURS)
    assert set(OURS) - differing == {"off-003", "off-009", "st-004"}
    assert set(CASES) >= UNANSWERED


@pytest.mark.parametrize("name", sorted(set(CASES) - UNANSWERED))
def test_what_dagster_answers(name: str) -> None:
    case = CASES[name]
    expected = OURS.get(name, case["expected"])
    if expected is REFUSED or (isinstance(expected, dict) and "error" in expected):
        with pytest.raises(NbpartError):
            ask(case)
    elif case["question"]["ask"] in ("windows", "window") and expected:
        assert instants(ask(case)) == instants(expected)
    else:
        assert ask(case) == expected


def ask(case: dict[str, Any]) -> Any:
    clock = make_clock(case)
    question = case["question"]
    if "definition" in case:
        definition = make_definition(case["definition"])
        assert definition is not None
        return ask_definition(definition, question, clock)
    reader, source = make_definition(case["downstream"]), make_definition(case["upstream"])
    if question["ask"] == "default_mapping":
        kinds: dict[type[Mapping], str] = {Overlap: "TimeWindowPartitionMapping", AllKeys: "AllPartitionMapping",
                                           By: "MultiToSingleDimensionPartitionMapping"}  # fmt: skip
        return kinds[type(default_mapping(reader, source))]
    assert reader is not None
    assert source is not None
    mapping = check_mapping(make_mapping(case["mapping"], reader, source), reader, source)
    if question["ask"] == "validate":
        return "fits"
    keys = [spell(reader if question["ask"] == "upstream" else source, key) for key in question["keys"]]
    if question["ask"] == "upstream":
        found = [read(mapping, reader, source, make_row(reader, key, clock), clock) for key in keys]
        read_keys = {key for one in found for key in one.keys}
        missing = dict.fromkeys(key for one in found for key in one.missing)
        rows = [row for row in list_rows(source, clock) if row.key in read_keys]
        return {"keys": [as_dagster(source, row) for row in rows], "required_but_missing": list(missing)}
    assert question["ask"] == "downstream"
    readers = {one for key in keys for one in find_readers(mapping, reader, source, key, clock)}
    return [as_dagster(reader, row) for row in list_rows(reader, clock) if row.key in readers]


def ask_definition(definition: PartitionsDefinition, question: dict[str, Any], clock: Clock) -> Any:
    asked, rows = question["ask"], list_rows(definition, clock)
    keys = [as_dagster(definition, row) for row in rows]
    if asked == "range":
        first, last_key = (spell(definition, question[end]) for end in ("start", "end"))
        chosen = choose(definition, read_choice(definition, between(first, last_key)), clock)
        return [as_dagster(definition, row) for row in rows if row.key in chosen]
    if asked == "window":
        if isinstance(definition, MultiPartitions):
            [row] = [row for row in rows if row.key == spell(definition, question["key"])]
            return next(list(part.window) for part in row.parts.values() if part.window)
        assert isinstance(definition, TimeWindowPartitions)
        return definition.parse(question["key"])
    if asked == "key_for_instant":
        assert isinstance(definition, TimeWindowPartitions)
        return definition.key_at(read_time(question["instant"]))
    if asked == "window_hours":
        [window] = [row.window for row in rows if row.key == question["key"]]
        assert window is not None
        return (window[1] - window[0]) / timedelta(hours=1)
    answers = {
        "keys": lambda: keys,
        "construct": lambda: "made",
        "count": lambda: len(rows),
        "last_key": lambda: keys[-1],
        "has_key": lambda: question["key"] in keys,
        "next_key": lambda: next(iter(keys[keys.index(question["key"]) + 1 :]), None),
        "windows": lambda: [[row.key, *row.window] for row in rows if row.window],
    }
    return answers[asked]()


def make_clock(case: dict[str, Any]) -> Clock:
    flat = {}
    for name, added in case.get("dynamic_sets", {}).items():
        flat[name] = [key for one in added for key in (one if isinstance(one, list) else [one])]
    return Clock(read_time(case.get("now", "2026-01-01T00:00")), members(**flat))


def read_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


FORMATS = {"hourly": "%Y-%m-%d-%H:%M", "cron": "%Y-%m-%d", "daily": "%Y-%m-%d"}
FREQUENCIES: dict[str, Any] = {
    "hourly": HourlyPartitions,
    "daily": DailyPartitions,
    "weekly": WeeklyPartitions,
    "monthly": MonthlyPartitions,
}


def make_definition(given: dict[str, Any]) -> PartitionsDefinition | None:
    kind = given["kind"]
    if kind == "none":
        return None
    if kind == "static":
        return StaticPartitions(given["keys"])
    if kind == "dynamic":
        return DynamicPartitions(given["name"])
    if kind == "multi":
        return MultiPartitions({dimension(name): make_definition(one) for name, one in given["dims"].items()})
    options = {"timezone": given.get("timezone", "UTC"), "end_offset": given.get("end_offset", 0)}
    options |= {"exclude": given.get("exclusions", ()), "fmt": given.get("fmt", FORMATS.get(kind, "%Y-%m-%d"))}
    if end := given.get("end", given.get("end_date")):
        options["end"] = read_start(end, options["fmt"])
    start = read_start(given.get("start", given.get("start_date")), options["fmt"])
    name = json.dumps(given, sort_keys=True)
    if kind == "cron":
        return TimeWindowPartitions(name, given["cron_schedule"], start, column="at", **options)
    offsets = {"minute_offset": "minute", "hour_offset": "hour", "day_offset": "weekday" if kind == "weekly" else "day"}
    options |= {ours: given[theirs] for theirs, ours in offsets.items() if theirs in given}
    if kind == "weekly":
        options.setdefault("weekday", 0)  # Dagster's weeks begin on Sunday
    made: PartitionsDefinition = FREQUENCIES[kind](name, start, column="at", **options)
    return made


def read_start(text: str, fmt: str) -> datetime:
    for one in (fmt, "%Y-%m-%d-%H:%M", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, one)
        except ValueError:
            continue
    raise AssertionError(text)


def dimension(name: str) -> str:
    """Dagster's dimensions may be called 123."""
    return name if name.isidentifier() else f"n{name}"


def make_mapping(given: dict[str, Any] | None, reader: PartitionsDefinition, source: PartitionsDefinition) -> Mapping:
    if given is None or given["kind"] == "multi_to_single":
        return default_mapping(reader, source)
    kind = given["kind"]
    if kind == "multi":
        matches = {
            dimension(theirs): make_inner(one, dimension(one["dimension"])) for theirs, one in given["dims"].items()
        }
        return by(**matches)
    if kind == "time_window":
        outside = "clip" if given.get("allow_nonexistent_upstream_partitions") else None
        return overlap(given.get("start_offset", 0), given.get("end_offset", 0), outside)  # type: ignore[arg-type]
    if kind == "static":
        listed = [
            (theirs, mine)
            for theirs, some in given["downstream_by_upstream"].items()
            for mine in (some if isinstance(some, list) else [some])
        ]
        return pairs({"upstream": [one for one, _ in listed], "this": [one for _, one in listed]})
    if kind == "specific":
        return only(*given["keys"])
    return {"identity": same, "all": all_keys, "last": last}[kind]()  # type: ignore[operator,no-any-return]


def make_inner(given: dict[str, Any], mine: str) -> Any:
    if given["mapping"]["kind"] == "identity":
        return mine
    nowhere = StaticPartitions(["none"])  # only defaults depend on the partitions
    return mine, make_mapping(given["mapping"], nowhere, nowhere)


def spell(definition: PartitionsDefinition, key: str) -> str:
    """Dagster's spelling of a key in ours."""
    if isinstance(definition, MultiPartitions):
        return definition.spell(dict(zip(sorted(definition.names, key=dagster_order), key.split("|"), strict=True)))
    return key


def as_dagster(definition: PartitionsDefinition, row: Row) -> str:
    if isinstance(definition, MultiPartitions):
        return "|".join(row.parts[name].key for name in sorted(definition.names, key=dagster_order))
    return row.key


def dagster_order(name: str) -> str:
    return name[1:] if name[1:].isdigit() else name


def instants(answer: Any) -> Any:
    """An answer with its times as instants, however they are spelled."""
    if isinstance(answer, list | tuple):
        return [instants(one) for one in answer]
    if isinstance(answer, datetime):
        return answer.timestamp()
    return datetime.fromisoformat(answer).timestamp() if "T" in answer else answer
