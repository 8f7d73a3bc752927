"""Conditions: what they may hold, and that they choose what plain Python would choose."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart import ConditionError, DynamicPartitions, NbpartError
from nbpart.catalog import Batch, Catalog, conditions, events
from nbpart.catalog.conditions import choose_keys_where
from nbpart.catalog.set_tables import build_columns, load_definition, own_columns
from nbpart.partitions.filters import read_condition

KINDS = {"lr": float, "n": int, "kind": str, "ok": bool, "day": date, "seen": datetime}
ROWS: list[dict[str, Any]] = [
    {"lr": 0.1, "n": 1, "kind": "a", "ok": True, "day": date(2024, 1, 1), "seen": datetime(2024, 1, 1, 5)},
    {"lr": float("nan"), "n": None, "kind": None, "ok": None, "day": None, "seen": None},
    {"lr": -0.5, "n": 3, "kind": "O'Hare -- x", "ok": False, "day": date(2024, 3, 1), "seen": datetime(2024, 3, 1)},
]
#: Each is refused, or harmless: then it chooses what stands beside it.
HOSTILE: list[tuple[str, list[int] | None]] = [
    # more than a condition
    ("true; drop table keys", None), ("true; select 1", None), (";", None), ("true limit 1", None),
    ("true order by 1", None), ("true qualify true", None), ("true using sample 1", None), ("true group by n", None),
    ("true having true", None), ("true union all select 1", None), ("true window w as ()", None),
    ("n = 1) or (true", None), ("true) --", None), ("n = 1 /*", None), ("'", None), ('"', None), ("$$", None),
    # comments and texts that look like more
    ("n = 1 -- and false", [0]), ("n = 1 /* ) */", [0]), ("kind = 'a'' or true --'", []),
    ("kind = 'O''Hare -- x'", [2]), ("kind = $$a$$", [0]), ("n = 1 --\n and ok", [0]),
    # subqueries and tables
    ("exists (select 1)", None), ("n in (select 1)", None), ("(select true)", None), ("n = any([1])", None),
    ("n = (from keys select max(key_id))", None), ("(with x as (select 1) select true)", None),
    # what reads, waits, counts up or changes
    ("read_text('/etc/passwd') is null", None), ("nextval('s') = 1", None), ("getenv('HOME') = ''", None),
    ("current_setting('threads') = 1", None), ("sleep_ms(10000) is null", None), ("random() < 0.5", None),
    ("uuid() is null", None), ("version() = ''", None), ("write_log('x') is null", None), ("pg_sleep(1) is null", None),
    ("repeat(kind, 1000000000) = ''", None), ("len(range(1000000000)) > 1", None), ("lpad('x', 9999999, 'x')=''", None),
    ("n = getvariable('k')", None), ("currval('s') = 1", None), ("current_user = 'a'", None),
    ("txid_current() = 1", None),
    ("glob('*') is null", None), ("read_blob('x') is null", None), ("getenv(kind) = ''", None), ("error('x')", None),
    ("hash(n) = 1", None), ("system.main.lower(kind) = 'a'", None), ("system.main.now() > seen", None),
    ("query('select 1') is null", None), ("main.now() > seen", None), ("pg_catalog.lower(kind) = 'a'", None),
    ("current_timestamp > seen", None), ("current_date > day", None), ("today() > day", None),
    ("get_current_timestamp() > seen", None),
    # what DuckDB's expressions have besides
    ("kind::mood = 'a'", None), ("kind::enum('a') = 'a'", None), ("n::int[] is null", None),
    ("n::struct(a int) is null", None), ("list_filter([n], x -> x > 1) is null", None),
    ("[x for x in [n]] is null", None),
    ("sum(n) > 1", None), ("row_number() over () = 1", None), ("count(*) > 1", None), ("partitions.*", None),
    ("*", None), ("columns('n') = 1", None), ("#1 = 1", None), ("? = 1", None), ("$1 = 1", None),
    ("unnest([n]) = 1", None),
    ("kind ~ 'a'", None), ("kind !~ 'a'", None), ("kind collate nocase = 'A'", None), ("default", None),
    ("kind[1] = 'a'", None), ("{'a': n} = {'a': 1}", None), ("row(n) = row(1)", None), ("grouping(n) = 1", None),
    ("try(n) = 1", None), ("n.lower() = 'a'", None), ("rowid = 1", None), ("key_id = 1", None), ('"key id" = 1', None),
    ("partitions is null", None), ("metric is null", None), ("* exclude (n) = 1", None), ("columns(*) = 1", None),
    ("columns(c -> true)", None), ("$2 = n", None), ("?1 = n", None), ("n = getvariable", None),
    ("(n, lr) = (1, 2)", None),
    ("n in ()", None), ("kind -> 'a' = 1", None), ("kind ->> 'a' = '1'", None), ("kind::json is null", None),
    ("struct_extract(row(n), 1) = 1", None), ("struct_pack(a := n) is null", None), ("apply([n], lambda x: x)", None),
    ("icu_sort_key(kind, 'de') = ''", None), ('kind collate "de" = \'a\'', None), ("lower(distinct kind) = 'a'", None),
    ("lower(kind) over () = 'a'", None), ("lower(kind) filter (where true) = 'a'", None),
    ("list_aggregate([n], 'sum') = 1", None), ("like_escape(kind, 'a', 'bb')", None),
    ("regexp_matches(kind, '(')", None),
    ("date_trunc('x', day) = day", None), ("day + to_years(999999999) > day", None), ("kind = e'\\0'", None),
    # what a condition is in another language, or in a text
    ("kind = 'select nextval(''x''); drop table keys'", []), ("'n = 1' = kind", []), ("from keys", None),
    ("select true", None), ("where n = 1", None), ("n = 1 # and false", None), ("{n} = 1", None), (":n = 1", None),
    # divided by nothing, in both versions of DuckDB
    ("n % 0 is null", [0, 1, 2]), ("n // 0 = 1", []), ("1 // (n - 1) = 0", [2]),
    # dates of another zone
    ("seen::timestamptz = '2024-01-01 14:00:00+09'", [0]), ("timezone('Asia/Tokyo', seen) is null", [1]),
    ("timezone('Nowhere/Nothing', seen) is null", None),
    ("m.n = 1", None), ("memory.main.n = 1", None),
    # letters that look like others, and characters that no text has
    ("n = １", None), ("n\u200b = 1", [0]), ("n\u00a0= 1", [0]), ("\ufeffn = 1", [0]),
    ("kind = '\u202e'", []), ("n\u2028= 1", None),
    ("n = 1 \x1b[2J", None), ("kind = '\x1b[2J\x07'", []), ("ѕtatus = 'a'", None), ("ｎ = 1", None),
    ("n = 1\0", None), ("n = 1\ud800", None),
    # too much
    ("n = 1 or " * 200_000 + "n = 1", None), ("abs(" * 5_000 + "n" + ")" * 5_000 + " = 1", None),
    ("not " * 5_000 + "ok", None), ("case when " * 2_000, None), ("'" + "x" * 1_000_000 + "' = kind", None),
    ("n = 1" + " or n = 1" * 400, [0]), ("(" * 10_000 + "n = 1" + ")" * 10_000, None),
    ("x" * 90_000 + " = 1", None), ("kind" + " || kind" * 2_000 + " = 'a'", None),
    ("replace(" * 10 + "kind" + ", 'a', 'aaaaaaaaaa')" * 10 + " = 'a'", None), ("replace(kind, kind, kind) = 'a'", [0]),
    (f"replace(kind, 'a', '{'a' * 1_000}') = 'a'", None), ("replace(replace(kind, 'a', ''), 'b', 'c') = ''", [0]),
]  # fmt: skip


class Table:
    """A set with rows, each found by its place."""

    def __init__(self, catalog: Catalog, name: str, rows: list[dict[str, Any]]) -> None:
        definition = DynamicPartitions(name, columns=KINDS)

        def make(batch: Batch) -> int:
            set_id = events.ensure_set(batch, definition)
            stored = load_definition(batch, set_id)
            columns = build_columns(own_columns(stored), rows)
            events.add_keys(batch, set_id, [f"k{place}" for place in range(len(rows))], columns)
            return set_id

        self.catalog = catalog
        self.set_id = catalog.write(make)

    def ask(self, where: Any) -> list[int]:
        def work(batch: Batch) -> list[int]:
            ids = choose_keys_where(batch, self.set_id, read_condition(where), "t")
            rows = batch.rows("SELECT key_id, key FROM keys")
            texts = dict(rows)
            return sorted(int(texts[key_id][1:]) for key_id in ids.tolist())

        return self.catalog.read(work)


@pytest.fixture(scope="module")
def module_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    catalog = Catalog.open(tmp_path_factory.mktemp("conditions") / "catalog.duckdb")
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def table(module_catalog: Catalog) -> Table:
    return Table(module_catalog, "rows", ROWS)


def test_hostile_conditions_are_refused_or_harmless(table: Table) -> None:
    assert len(HOSTILE) >= 60
    before = table.catalog.read(lambda b: b.rows("SELECT count(*) FROM keys"))
    for text, chosen in HOSTILE:
        if chosen is not None:
            assert table.ask(text) == chosen, text[:60]
            continue
        with pytest.raises(NbpartError) as raised:
            pytest.fail(f"{text[:60]} chose {table.ask(text)}")
        assert "\n" not in str(raised.value), text[:60]
        assert len(str(raised.value)) < 1_000, text[:60]
    assert table.ask("n = 1") == [0], "the session is as it was"
    assert table.catalog.read(lambda b: b.rows("SELECT count(*) FROM keys")) == before


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ("kind like 'O%' and regexp_matches(kind, 'Hare')", [2]),
        ("kind ilike 'a' or kind similar to 'b+'", [0]),
        ("coalesce(n, 7) = 7 and nullif(kind, 'x') is null", [1]),
        ("case when ok then n = 1 else n = 3 end", [0, 2]),
        ("day between date '2024-01-01' and '2024-02-01'", [0]),
        ("day + interval 60 days = timestamp '2024-03-01' or extract(year from seen) = 2023", [0]),
        ("seen::date = day and date_trunc('day', seen) = seen", [2]),
        ("lr is null", [1]),
        ("ok", [0]),
        ("not ok", [2]),
        ("ok is not true", [1, 2]),
        ("n not in (1)", [2]),
        ("n is distinct from 1", [1, 2]),
        ("try_cast(kind as integer) is null and -n < 0", [0, 2]),
        ({"n": [1, None]}, [0, 1]),
        ({"lr": float("nan")}, [1]),
        ({"day": "2024-01-01"}, [0]),
        ({"day": date(2024, 3, 1), "ok": False}, [2]),
        ({"kind": []}, []),
        (("kind in $some", {"some": ["a", "b"]}), [0]),
        (("seen >= $seen", {"seen": datetime(2024, 2, 1)}), [2]),
    ],
)
def test_what_a_condition_may_hold(table: Table, where: Any, chosen: list[int]) -> None:
    assert table.ask(where) == chosen


def test_now_is_the_time_of_the_batch(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC

    monkeypatch.setattr(table.catalog, "clock", lambda: datetime(2024, 2, 1, tzinfo=UTC))
    assert table.ask("seen < now()") == [0]
    monkeypatch.setattr(table.catalog, "clock", lambda: datetime(2024, 4, 1, tzinfo=UTC))
    assert table.ask("seen < now()") == [0, 2]
    assert table.ask("day > now()::date - 32") == [2]


def test_a_condition_that_takes_too_long_is_interrupted(
    module_catalog: Catalog, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "MOST_S", 0.05)
    many = Table(module_catalog, "many", [{"kind": "ab" * 50_000}] * 300)
    slow = " or ".join(f"regexp_matches(kind, '(a|b)*c{n}')" for n in range(40))
    with pytest.raises(ConditionError, match=r"it took longer than 0.05 s"):
        many.ask(slow)
    assert table.ask("n = 1") == [0], "the catalog goes on"


# random conditions

COMPARISONS = {"<": operator.lt, "<=": operator.le, "=": operator.eq, "<>": operator.ne, ">": operator.gt}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "lr": st.sampled_from([-1.5, -0.0, 0.25, 2.0, math.inf]),
    "n": st.integers(-2, 2),
    "kind": st.sampled_from(["", "a", "O'Hare", "and", "%", "é"]),
    "day": st.dates(date(2024, 2, 28), date(2024, 3, 2)),
}
tables = st.lists(
    st.fixed_dictionaries(
        {name: st.none() | some for name, some in VALUES.items()}
        | {"lr": VALUES["lr"] | st.sampled_from([None, math.nan])}
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def comparisons(draw: st.DrawFn) -> Any:
    name = draw(st.sampled_from(list(VALUES)))
    kind = draw(st.sampled_from(["compare", "in", "between", "null"]))
    some = draw(st.lists(VALUES[name], min_size=2, max_size=3))
    return kind, name, draw(st.sampled_from(list(COMPARISONS))), some


trees = st.recursive(
    comparisons(),
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner),
    max_leaves=6,
)


def spell(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, float) and math.isinf(value):
        return "'inf'::double"
    return f"date '{value}'" if isinstance(value, date) else repr(value)


def to_text(tree: Any) -> str:
    match tree:
        case ("and" | "or", left, right):
            return f"({to_text(left)} {tree[0]} {to_text(right)})"
        case ("not", inner):
            return f"not ({to_text(inner)})"
        case ("compare", name, sign, [value, *_]):
            return f"{name} {sign} {spell(value)}"
        case ("in", name, _, some):
            return f"{name} in ({', '.join(map(spell, some))})"
        case ("between", name, _, [low, high, *_]):
            return f"{name} between {spell(low)} and {spell(high)}"
    return f"{tree[1]} is null"


def evaluate(tree: Any, row: dict[str, Any]) -> bool | None:
    """The truth of a condition with three values, as SQL defines it; nan is none."""
    if tree[0] in ("and", "or"):
        sides = [evaluate(side, row) for side in tree[1:]]
        decides = tree[0] == "or"
        return decides if decides in sides else None if None in sides else not decides
    if tree[0] == "not":
        inner = evaluate(tree[1], row)
        return None if inner is None else not inner
    kind, name, sign, some = tree
    value = row[name]
    value = None if isinstance(value, float) and math.isnan(value) else value
    if kind == "null":
        return value is None
    if value is None:
        return None
    if kind == "in":
        return value in some
    return some[0] <= value <= some[1] if kind == "between" else bool(COMPARISONS[sign](value, some[0]))


@settings(max_examples=25, deadline=None)
@given(rows=tables, conditions_of=st.lists(trees, min_size=1, max_size=4))
def test_conditions_choose_what_plain_python_chooses(
    shared_catalog: Catalog, rows: list[dict[str, Any]], conditions_of: list[Any]
) -> None:
    count = shared_catalog.read(lambda b: b.value("SELECT count(*) FROM partition_sets"))
    table = Table(shared_catalog, f"random {count}", [row | {"ok": None, "seen": None} for row in rows])
    for tree in conditions_of:
        expected = [place for place, row in enumerate(rows) if evaluate(tree, row)]
        assert table.ask(to_text(tree)) == expected, to_text(tree)


def test_a_condition_from_a_file_is_no_path(table: Table, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(NbpartError):
        table.ask(f"'{tmp_path}/x.csv' in (from '{tmp_path}/x.csv')")
