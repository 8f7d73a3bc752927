"""Keys that come into a set or leave it, and the sets whose keys are made of them: products and children follow.

Every change of membership goes through `record_joined` or `record_left`, with a temporary table (key_id) of the keys.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.expressions import quote
from nbpart.catalog.group_ledgers import forget_groups
from nbpart.catalog.set_tables import StoredSet, literal, load_definition, load_stored_sets, ordered_members
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
    _record(batch, set_id, joined, _JOINED, are_new=are_new)
    for below, part in list_made_of(batch, set_id):
        if isinstance(below.definition, MultiPartitions):
            only = f"IN (SELECT key_id FROM {quote(joined)})"
            # of a set that is several dimensions, combinations of new keys come with the first of these
            earlier = {n: f"NOT {only}" for n in range(part) if below.parts[n].set_id == set_id}
            if added := _add_product_keys(batch, below, {**earlier, part: only}, has_known=not are_new):
                record_joined(batch, below.set_id, added, are_new=are_new)
        elif not are_new:
            _return_children(batch, below, joined)


def record_left(batch: Batch, set_id: int, left: str, action: str = _LEFT) -> None:
    """Record that keys are members of a set no more, and let what is made of them follow; `left` is as `joined`."""
    _record(batch, set_id, left, action)
    for below, part in list_made_of(batch, set_id):
        table = f"left_{below.set_id}"
        made = f"SELECT p.key_id FROM key_parts p JOIN {quote(left)} l ON l.key_id = p.part_id"
        batch.create_temp("left_made", f"{made} WHERE p.set_id = {below.set_id} AND p.part = {part}")
        members = f"SELECT m.key_id FROM members m JOIN left_made USING (key_id) WHERE m.set_id = {below.set_id}"
        if batch.create_temp(table, members):
            _take_off(batch, below.set_id, table)
            record_left(batch, below.set_id, table, _LEFT_WITH_PARENT)


def make_product_keys(batch: Batch, set_id: int) -> None:
    """Make the keys of a product what its dimensions have now. Its definition may be new or another one than before."""
    product = load_stored_sets(batch)[set_id]
    if not batch.rows("SELECT key_id FROM keys WHERE set_id = ? LIMIT 1", set_id):
        if joined := _add_product_keys(batch, product, {}, has_known=False):
            record_joined(batch, set_id, joined, are_new=True)
        return
    forget_groups(batch, set_ids=(set_id,))  # what they are made of may be another now
    batch.execute("DELETE FROM key_parts WHERE set_id = ?", set_id)
    batch.create_temp("product_before", "SELECT key_id FROM members WHERE set_id = ?", set_id)
    batch.execute("DELETE FROM members WHERE set_id = ?", set_id)
    _add_product_keys(batch, product, {}, has_known=True)
    now, before = f"SELECT key_id FROM members WHERE set_id = {int(set_id)}", "SELECT key_id FROM product_before"
    if batch.create_temp("product_joined", f"{now} EXCEPT {before}"):
        record_joined(batch, set_id, "product_joined", are_new=False)
    if batch.create_temp("product_left", f"{before} EXCEPT {now}"):
        record_left(batch, set_id, "product_left", _LEFT_WITH_PARENT)


def _record(batch: Batch, set_id: int, table: str, action: str, *, are_new: bool = False) -> None:
    definition = load_definition(batch, set_id)
    # a product's keys come with their parts, new windows with the time; others leave and return by a declaration
    follows = isinstance(definition, MultiPartitions) or (are_new and isinstance(definition, TimeWindowPartitions))
    if not follows:
        batch.execute(
            f"INSERT INTO member_events SELECT ?, ?, ?, key_id, ?, ?, ? FROM {quote(table)}",
            *(batch.sequence, batch.now, set_id, action, batch.author.name, batch.author.tick_id),
        )
    batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)
    mark_readers_of_set(batch, set_id, table, have_left=action != _JOINED, are_new=are_new)


def list_made_of(batch: Batch, set_id: int) -> list[tuple[StoredSet, int]]:
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


def _add_product_keys(batch: Batch, product: StoredSet, among: dict[int, str], *, has_known: bool) -> str:
    """Add the keys that a product has and does not list yet. Returns a table of their key_id, "" where there are none.

    `among` restricts the key ids of parts, by their number, with a condition. `has_known` says that some of the keys
    may have been there before: they are looked for by their texts.
    """
    _check_size(batch, product)
    combinations = _Combinations.of(batch, product, among)
    if not combinations.count:
        return ""
    if has_known:
        return _add_known_keys(batch, product, combinations)
    table, set_id = f"joined_{product.set_id}", product.set_id
    first = batch.take_ids("next_key_id", combinations.count)
    batch.execute(f"INSERT INTO keys SELECT {first} + n, {set_id}, {combinations.text} FROM {combinations.rows}")
    for place in range(len(product.parts)):
        part = f"SELECT {set_id}, {place}, {first} + n, x{place}.key_id FROM {combinations.rows_of(place)}"
        batch.execute(f"INSERT INTO key_parts {part}")
    batch.create_temp(table, f"SELECT {first} + n AS key_id FROM range({combinations.count}) AS r(n)")
    batch.execute(f"INSERT INTO members SELECT {set_id}, key_id, 0 FROM {table}")
    return table


def _add_known_keys(batch: Batch, product: StoredSet, combinations: _Combinations) -> str:
    """Add combinations of which some may have been keys before. Returns a table of the key_id of those added."""
    table, set_id = f"joined_{product.set_id}", product.set_id
    ids = "".join(f", x{place}.key_id AS p{place}" for place in range(len(product.parts)))
    batch.create_temp("product_made", f"SELECT n, {combinations.text} AS key{ids} FROM {combinations.rows}")
    # inner joins: an outer one builds its table over a million known keys to look for a thousand
    known = "SELECT made.n, k.key_id FROM keys k JOIN product_made AS made USING (key) WHERE k.set_id = ?"
    batch.create_temp("product_known", known, set_id)
    there = "SELECT k.n FROM members m JOIN product_known AS k USING (key_id) WHERE m.set_id = ?"
    batch.create_temp("product_there", there, set_id)
    first = batch.take_ids("next_key_id", combinations.count)
    joined = f"""SELECT made.*, coalesce(known.key_id, {first} + n) AS key_id, known.key_id IS NULL AS is_new
        FROM product_made AS made LEFT JOIN product_known AS known USING (n)
        WHERE n NOT IN (FROM product_there)"""
    if not batch.create_temp(table, joined):
        return ""
    batch.execute(f"INSERT INTO keys SELECT key_id, {set_id}, key FROM {table} WHERE is_new")
    # of a definition that was changed the parts of all keys were deleted
    has_parts = f"SELECT p.key_id FROM key_parts p JOIN {table} USING (key_id) WHERE p.set_id = {set_id} AND p.part = 0"
    batch.create_temp("product_with_parts", has_parts)
    batch.create_temp("product_parts", f"FROM {table} WHERE key_id NOT IN (FROM product_with_parts)")
    for place in range(len(product.parts)):
        batch.execute(f"INSERT INTO key_parts SELECT {set_id}, {place}, key_id, p{place} FROM product_parts")
    batch.execute(f"INSERT INTO members SELECT {set_id}, key_id, 0 FROM {table}")
    return table


@dataclass(frozen=True)
class _Combinations:
    """The combinations of some keys of each dimension, in the order of the product, numbered ``n`` from 0.

    The keys of dimension number p stand in the temporary table part_p (key_id, text, place). A combination's number
    says which places it is of: the rows are made by lookups in these small tables, without a sort.
    """

    sizes: tuple[int, ...]

    @classmethod
    def of(cls, batch: Batch, product: StoredSet, among: dict[int, str]) -> _Combinations:
        sizes = []
        for place, ((name, _), part) in enumerate(zip(product.definition.parts, product.parts, strict=True)):
            sizes.append(batch.create_temp(f"part_{place}", _part_rows(batch, part, name, among.get(place))))
        return cls(tuple(sizes))

    @property
    def count(self) -> int:
        return math.prod(self.sizes)

    @property
    def text(self) -> str:
        """The expression of a key's text, over `rows`."""
        return " || ',' || ".join(f"x{place}.text" for place in range(len(self.sizes)))

    @property
    def rows(self) -> str:
        """All combinations, with part p as xp."""
        return f"range({self.count}) AS r(n){''.join(map(self._join, range(len(self.sizes))))}"

    def rows_of(self, place: int) -> str:
        """All combinations, with one part alone."""
        return f"range({self.count}) AS r(n){self._join(place)}"

    def _join(self, place: int) -> str:
        stride = math.prod(self.sizes[place + 1 :])
        return f" JOIN part_{place} AS x{place} ON x{place}.place = n // {stride} % {self.sizes[place]}"


def _part_rows(batch: Batch, part: StoredSet, name: str, among: str | None) -> str:
    """The keys of a part: (key_id, text as it stands in a product's key, place)."""
    only = f" WHERE m.key_id {among}" if among else ""
    return (
        f"SELECT m.key_id, {literal(name + '=')} || {escaped('t.key')} AS text,"
        f" row_number() OVER (ORDER BY m.position) - 1 AS place"
        f" FROM {ordered_members(batch, part.set_id)} AS m JOIN keys AS t ON t.key_id = m.key_id{only}"
    )


def escaped(text: str) -> str:
    """A key in SQL as `partitions.keys.escape` gives it; it cannot hold other characters that are escaped."""
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
