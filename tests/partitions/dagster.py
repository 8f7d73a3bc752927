"""Questions about partitions with Dagster's answers, in our words: definitions, mappings and keys of each case.

`dagster_cases.json` holds the questions. Where nbpart differs its own answer stands here, with the reason.
"""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
from nbpart.partitions.mapping import Mapping, all_keys, by, last, only, overlap, pairs, same
from nbpart.partitions.shared_structure import default_mapping

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
#: What a person who asks a set is answered otherwise than by its list of keys.
ASKED = {"dst-003": True, "dst-005": True}
#: Where `docs/partitions.md` tells each difference: the first cell of the row of its table.
TOLD = {
    "a text that is no key of hours at a quarter past": ["off-003"],
    "an instant in an excluded window": ["excl-004"],
    "a format by which two windows have one key": ["cron-007"],
    "a boundary at a time that comes twice": ["off-009", "dst-011"],
    "a day that a zone skipped": ["dst-014"],
    "another spelling of a key, as `2020-11-01T02:00-0800`": ["dst-003", "dst-005"],
    "a range that ends after the newest key": ["rng-004"],
    "a range the wrong way round": ["rng-005", "rng-007"],
    "a key with `...` in it": ["st-002"],
    "a key without a character": ["st-004"],
    "a product of one, or of three dimensions": ["mul-001", "mul-002"],
    "a key with a bar in it, in a product": ["mul-005", "mul-006"],
    "two lists that share texts, and no mapping": ["def-008"],
    "a year with `end_offset=1` that reads its days": ["map-029"],
    "weeks that read days without weekends": ["map-038"],
    "a mapping that names a key which is not there": ["oth-009"],
}


def is_refused(expected: Any) -> bool:
    return expected is REFUSED or (isinstance(expected, dict) and "error" in expected)


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
    name = f"{kind}_{zlib.crc32(json.dumps(given, sort_keys=True).encode()):08x}"  # equal definitions have one
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


def dagster_order(name: str) -> str:
    return name[1:] if name[1:].isdigit() else name


def instants(answer: Any) -> Any:
    """An answer with its times as instants, however they are spelled."""
    if isinstance(answer, list | tuple):
        return [instants(one) for one in answer]
    if isinstance(answer, datetime):
        return answer.timestamp()
    return datetime.fromisoformat(answer).timestamp() if "T" in answer else answer
