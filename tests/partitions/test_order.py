"""How an order is spelled."""

from __future__ import annotations

import pytest

from nbpart.errors import DeclarationError
from nbpart.partitions.order import Order, OrderColumn, read_order


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        (None, []),
        ("newest", []),
        ("as_listed", []),
        ("lr", [("lr", False)]),
        (" depth ,lr  DESC", [("depth", False), ("lr", True)]),
        ("metric.rows desc, window_start asc", [("metric.rows", True), ("window_start", False)]),
        ('"desc" desc, "a, ""b""" ', [("desc", True), ('a, "b"', False)]),
        ('"newest"', [("newest", False)]),
    ],
)
def test_an_order_is_a_word_or_columns(given: str | None, columns: list[tuple[str, bool]]) -> None:
    order = read_order(given)
    assert order.columns == tuple(OrderColumn(*each) for each in columns)
    assert read_order(order.text) == order


def test_what_is_not_given_is_the_order_of_the_set() -> None:
    assert read_order(None) == Order("oldest")


@pytest.mark.parametrize(
    "given", ["", " ", "lr,", ",lr", "lr down", "lr desc nulls first", "lr; drop table x", '"lr', "-lr", "1", 3, ["lr"]]
)
def test_anything_else_is_refused_with_what_to_give(given: object) -> None:
    with pytest.raises(DeclarationError, match=r"order=.* is none: give 'newest', 'oldest', 'as_listed', or columns"):
        read_order(given)
