from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.partitions.values import Kind, Value, from_json, from_text, to_canonical, to_json, to_text

OF_KIND: dict[Kind, st.SearchStrategy[Value]] = {
    Kind.INT: st.integers(-(2**63), 2**63 - 1),
    Kind.FLOAT: st.floats(allow_nan=False),
    Kind.STR: st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["null", "true", "3", "%6Eull"]),
    Kind.BOOL: st.booleans(),
    Kind.DATE: st.dates(),
    Kind.DATETIME: st.datetimes(
        min_value=datetime(2, 1, 1),
        max_value=datetime(9998, 1, 1),
        timezones=st.none() | st.timezones(),  # type: ignore[arg-type]
        allow_imaginary=False,
    ),
}
kinds_with_values = st.sampled_from(list(Kind)).flatmap(lambda kind: st.tuples(st.just(kind), OF_KIND[kind]))


@given(kinds_with_values)
def test_text_and_json_give_the_canonical_value_back(case: tuple[Kind, Value]) -> None:
    kind, value = case
    canonical = to_canonical(kind, value)
    if isinstance(value, datetime) and value.tzinfo:
        assert isinstance(canonical, datetime)
        assert canonical.timestamp() == value.timestamp()  # == is False where a clock is set back
    else:
        assert canonical == value
    assert to_canonical(kind, canonical) is canonical or to_text(to_canonical(kind, canonical)) == to_text(canonical)
    for again in (
        from_text(kind, to_text(canonical)),
        from_json(kind, json.loads(json.dumps(to_json(canonical), allow_nan=False))),
    ):
        assert again == canonical
        assert type(again) is type(canonical)
        assert to_text(again) == to_text(canonical)


@given(st.sampled_from(list(Kind)).flatmap(lambda kind: st.tuples(st.just(kind), OF_KIND[kind], OF_KIND[kind])))
def test_values_have_one_text_exactly_if_they_are_equal(case: tuple[Kind, Value, Value]) -> None:
    kind, *values = case
    a, b = (to_canonical(kind, value) for value in values)
    assert (to_text(a) == to_text(b)) == (a == b)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.FLOAT, -0.0, "0.0"),
        (Kind.FLOAT, 1, "1.0"),
        (Kind.FLOAT, 1e-05, "1e-05"),
        (Kind.FLOAT, 0.1, "0.1"),
        (Kind.FLOAT, math.inf, "inf"),
        (Kind.FLOAT, np.float64(0.1), "0.1"),
        (Kind.FLOAT, np.float32(0.5), "0.5"),
        (Kind.FLOAT, np.int64(2), "2.0"),
        (Kind.INT, np.int8(3), "3"),
        (Kind.INT, np.array(3), "3"),
        (Kind.BOOL, np.bool_(True), "true"),
        (Kind.BOOL, False, "false"),
        (Kind.STR, np.str_("a,b=c/d%"), "a%2Cb%3Dc%2Fd%25"),
        (Kind.STR, "two\nlines", "two%0Alines"),
        (Kind.STR, "null", "%6Eull"),
        (Kind.STR, "", ""),
        (Kind.DATE, date(2024, 2, 29), "2024-02-29"),
        (Kind.DATE, datetime(2024, 2, 29), "2024-02-29"),
        (Kind.DATE, pd.Timestamp("2024-02-29"), "2024-02-29"),
        (Kind.DATE, np.datetime64("2024-02-29"), "2024-02-29"),
        (Kind.DATETIME, date(2024, 2, 29), "2024-02-29T00:00:00"),
        (Kind.DATETIME, pd.Timestamp("2024-02-29T12:00"), "2024-02-29T12:00:00"),
        (Kind.DATETIME, np.datetime64("2024-02-29T12:00", "ns"), "2024-02-29T12:00:00"),
        (Kind.DATETIME, datetime(2024, 7, 1, 14, tzinfo=ZoneInfo("Europe/Berlin")), "2024-07-01T12:00:00+00:00"),
        (Kind.DATETIME, datetime(2024, 7, 1, 2, fold=1), "2024-07-01T02:00:00"),
        (
            Kind.DATETIME,
            datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
            "2024-10-27T01:30:00+00:00",
        ),
    ],
)
def test_canonical_form(kind: Kind, value: object, text: str) -> None:
    canonical = to_canonical(kind, value)
    assert to_text(canonical) == text
    assert type(canonical).__name__ == kind
    assert getattr(canonical, "fold", 0) == 0


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.INT, True),
        (Kind.INT, np.bool_(True)),
        (Kind.INT, 3.0),
        (Kind.INT, "3"),
        (Kind.INT, 2**63),
        (Kind.INT, None),
        (Kind.INT, np.array([3])),
        (Kind.FLOAT, True),
        (Kind.FLOAT, "0.1"),
        (Kind.FLOAT, math.nan),
        (Kind.FLOAT, np.float64("nan")),
        (Kind.FLOAT, 2**53 + 1),
        (Kind.FLOAT, 10**400),
        (Kind.STR, 3),
        (Kind.STR, b"a"),
        (Kind.STR, "\ud800"),
        (Kind.BOOL, 1),
        (Kind.BOOL, "true"),
        (Kind.DATE, "2024-01-32"),
        (Kind.DATE, datetime(2024, 1, 1, 12)),
        (Kind.DATE, datetime(2024, 1, 1, tzinfo=UTC)),
        (Kind.DATE, pd.NaT),
        (Kind.DATETIME, "soon"),
        (Kind.DATETIME, 0),
        (Kind.DATETIME, pd.NaT),
        (Kind.DATETIME, np.datetime64("NaT")),
        (Kind.DATETIME, pd.Timestamp(1)),
        (Kind.DATETIME, np.datetime64(1, "ns")),
        (Kind.DATETIME, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))),
    ],
)
def test_what_does_not_fit_is_refused(kind: Kind, value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the reason may be empty)
        to_canonical(kind, value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.FLOAT, "1", 1.0),
        (Kind.FLOAT, "0.10", 0.1),
        (Kind.FLOAT, "1e-5", 1e-05),
        (Kind.INT, "+3", 3),
        (Kind.BOOL, "True", True),
        (Kind.DATETIME, "2024-01-01T12:00:00Z", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        (Kind.DATETIME, "2024-01-01T12%3A00", datetime(2024, 1, 1, 12)),
    ],
)
def test_a_person_may_spell_in_another_way(kind: Kind, text: str, value: Value) -> None:
    assert from_text(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.INT, "3.0"),
        (Kind.INT, ""),
        (Kind.FLOAT, "nan"),
        (Kind.BOOL, "1"),
        (Kind.DATE, "today"),
        (Kind.DATE, "2024-02-30"),
    ],
)
def test_text_that_spells_no_value_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the reason may be empty)
        from_text(kind, text)
