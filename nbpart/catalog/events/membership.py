"""Keys that come into a set or leave it, and the sets whose keys are made of them: products and children follow.

Every change of membership goes through `record_joined` or `record_left`, with a temporary table (key_id) of the keys.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nbpart.catalog.expressions import quote
from nbpart.catalog.set_tables import StoredSet, literal, load_definition, load_stored_sets, set_sql
from nbpart.catalog.staleness import mark_readers_of_set
from nbpart.errors import DeclarationError
from nbpart.partitions.product import MultiPartitions
from nbpart.partitions.windows import TimeWindowPartitions

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch

#: A product has at most so many keys.
MAX_PRODUCT = 10_000_000
_JOINED, _LEFT, _LEFT_WITH_PARENT = "added", "removed", "parent removed"


def record_joined(batch: Batch, set_id: int, joined: str, *, are_new: bool) -> None:
    """Record that keys became members of a set, and let what is made of them follow.

    `joined` names a temporary table with their key_id. `are_new`: none of them was ever in a set.
    """
    _record(batch, set_id, joined, _JOINED)
    for below, part in _made_of(batch, set_id):
        if isinstance(below.definition, MultiPartitions):
            only = f"IN (SELECT key_id FROM {quote(joined)})"
            # of a set that is several dimensions, combinations of new keys come with the first of these
            earlier = {n: f"NOT {only}" for n in range(part) if below.parts[n].set_id == set_id}
            _add_product_keys(batch, below, {**earlier, part: only}, has_known=not are_new)
        elif not are_new:
            _return_children(batch, below, joined)


def record_left(batch: Batch, set_id: int, left: str, action: str = _LEFT) -> None:
    """Record that keys are members of a set no more, and let what is made of them follow; `left` is as `joined`."""
    _record(batch, set_id, left, action)
    for below, part in _made_of(batch, set_id):
        table = f"left_{below.set_id}"
        found = batch.create_temp(
            table,
            f"""SELECT key_id FROM members WHERE set_id = {below.set_id} AND key_id IN (
                SELECT key_id FROM key_parts WHERE set_id = {below.set_id} AND part = {part}
                AND part_id IN (SELECT key_id FROM {quote(left)}))""",
        )
        if found:
            _take_off(batch, below.set_id, table)
            record_left(batch, below.set_id, table, _LEFT_WITH_PARENT)


def make_product_keys(batch: Batch, set_id: int) -> None:
    """Make the keys of a product what its dimensions have now. Its definition may be new or another one than before."""
    product = load_stored_sets(batch)[set_id]
    batch.execute("DELETE FROM key_parts WHERE set_id = ?", set_id)
    batch.create_temp("product_before", "SELECT key_id FROM members WHERE set_id = ?", set_id)
    batch.execute("DELETE FROM members WHERE set_id = ?", set_id)
    known = batch.value("SELECT count(*) FROM keys WHERE set_id = ?", set_id) > 0
    _add_product_keys(batch, product, {}, has_known=known, records=False)
    now, before = f"SELECT key_id FROM members WHERE set_id = {int(set_id)}", "SELECT key_id FROM product_before"
    if batch.create_temp("product_joined", f"{now} EXCEPT {before}"):
        record_joined(batch, set_id, "product_joined", are_new=not known)
    if batch.create_temp("product_left", f"{before} EXCEPT {now}"):
        record_left(batch, set_id, "product_left", _LEFT_WITH_PARENT)


def _record(batch: Batch, set_id: int, table: str, action: str) -> None:
    # a product's keys come with their parts, and windows with the time
    if not isinstance(load_definition(batch, set_id), MultiPartitions | TimeWindowPartitions):
        batch.execute(
            f"INSERT INTO member_events SELECT ?, ?, ?, key_id, ? FROM {quote(table)}",
            *(batch.sequence, batch.now, set_id, action),
        )
    batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)
    mark_readers_of_set(batch, set_id, table)


def _made_of(batch: Batch, set_id: int) -> list[tuple[StoredSet, int]]:
    """The sets whose keys are made of those of a set, with the number of the part; one may stand there twice."""
    return [
        (below, place)
        for below in load_stored_sets(batch).values()
        for place, part in enumerate(below.parts)
        if part.set_id == set_id
    ]


def _take_off(batch: Batch, set_id: int, table: str) -> None:
    batch.execute(f"DELETE FROM members WHERE set_id = ? AND key_id IN (SELECT key_id FROM {quote(table)})", set_id)


def _return_children(batch: Batch, children: StoredSet, parents: str) -> None:
    """Put the children back that left their set with these parents."""
    table = f"joined_{children.set_id}"
    found = batch.create_temp(
        table,
        f"""SELECT key_id FROM member_events WHERE set_id = {children.set_id} AND key_id IN (
            SELECT key_id FROM key_parts
            WHERE set_id = {children.set_id} AND part_id IN (SELECT key_id FROM {quote(parents)}))
        GROUP BY key_id HAVING arg_max(action, rowid) = '{_LEFT_WITH_PARENT}'""",
    )
    if found:
        last = batch.value("SELECT coalesce(max(position), -1) FROM members WHERE set_id = ?", children.set_id)
        batch.execute(
            f"""INSERT INTO members SELECT ?, key_id, ? + row_number() OVER (ORDER BY key_id)
            FROM {quote(table)}""",
            *(children.set_id, last),
        )
        record_joined(batch, children.set_id, table, are_new=False)


def _add_product_keys(
    batch: Batch, product: StoredSet, among: dict[int, str], *, has_known: bool, records: bool = True
) -> None:
    """Add the keys that a product has and does not list yet.

    `among` restricts the key ids of parts, by their number, with a condition. `has_known` says that some of the keys
    may have been there before: they are looked for by their texts.
    """
    _check_size(batch, product)
    names = [name for name, _ in product.definition.parts]
    parts = range(len(names))
    ids = ", ".join(f"x{part}.key_id AS p{part}" for part in parts)
    text = " || ',' || ".join(f"{literal(name + '=')} || x{part}.text" for part, name in enumerate(names))
    rows = [_part_rows(batch, part, among.get(place)) for place, part in enumerate(product.parts)]
    tables = " CROSS JOIN ".join(f"({one}) AS x{part}" for part, one in enumerate(rows))
    order = ", ".join(f"x{part}.place" for part in parts)
    table = f"joined_{product.set_id}"
    made = f"SELECT {ids}, {text} AS key FROM {tables} ORDER BY {order}"
    if has_known:
        known = f"SELECT key_id, key FROM keys WHERE set_id = {product.set_id}"
        made = f"""SELECT made.*, k.key_id AS known_id FROM ({made}) AS made LEFT JOIN ({known}) AS k USING (key)
            WHERE k.key_id IS NULL OR k.key_id NOT IN (SELECT key_id FROM members WHERE set_id = {product.set_id})"""
    else:
        made = f"SELECT *, NULL::BIGINT AS known_id FROM ({made})"
    if not (n := batch.create_temp("product_made", made)):
        return
    first = batch.take_ids("next_key_id", n)
    batch.create_temp(
        table,
        f"SELECT coalesce(known_id, {first} - 1 + row_number() OVER ()) AS key_id, * EXCLUDE known_id,"
        " known_id IS NULL AS is_new FROM product_made",
    )
    batch.execute(f"INSERT INTO keys SELECT key_id, {product.set_id}, key FROM {table} WHERE is_new")
    has_parts = f"SELECT key_id FROM key_parts WHERE set_id = {product.set_id} AND part = 0"
    for part in parts:
        missing = f" WHERE is_new OR key_id NOT IN ({has_parts})" if has_known else ""
        if has_known and part == 0:
            batch.create_temp("product_parts", f"SELECT * FROM {table}{missing}")
        source = "product_parts" if has_known else table
        batch.execute(f"INSERT INTO key_parts SELECT {product.set_id}, {part}, key_id, p{part} FROM {source}")
    batch.execute(f"INSERT INTO members SELECT {product.set_id}, key_id, 0 FROM {table}")
    if records:
        record_joined(batch, product.set_id, table, are_new=not has_known)


def _part_rows(batch: Batch, part: StoredSet, among: str | None) -> str:
    """The keys of a part: (key_id, text as it stands in a product's key, place)."""
    sql = set_sql(batch, part.set_id)
    order = sql.order
    only = f" WHERE m.key_id {among}" if among else ""
    return (
        f"SELECT m.key_id, {_escaped('t.key')} AS text, row_number() OVER (ORDER BY {order}) AS place"
        f" FROM {sql.rows} AS m JOIN keys AS t ON t.key_id = m.key_id{sql.joins}{only}"
    )


def _escaped(text: str) -> str:
    """A key in the form that `partitions.keys.escape` gives it: it cannot hold other characters that are escaped."""
    for char, code in (("%", "%25"), (",", "%2C"), ("=", "%3D"), ("/", "%2F")):
        text = f"replace({text}, '{char}', '{code}')"
    return text


def _check_size(batch: Batch, product: StoredSet) -> None:
    """Raise `DeclarationError` where a product would have too many keys."""
    sizes = [int(batch.value("SELECT count(*) FROM members WHERE set_id = ?", part.set_id)) for part in product.parts]
    if (size := math.prod(sizes)) > MAX_PRODUCT:
        shape = " x ".join(f"{n:,}" for n in sizes)
        raise DeclarationError(
            f"The product {product.definition.name or ', '.join(n for n, _ in product.definition.parts)!r} would have "
            f"{size:,} partitions ({shape}), and at most {MAX_PRODUCT:,} are possible: declare dynamic partitions with "
            "params=, and add what is wanted."
        )
