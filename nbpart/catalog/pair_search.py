"""The search for all pairs of keys for which a condition is true: off the lease, over copies of two sets."""

# ruff: noqa: S608  what is put into SQL is names that are quoted, and the text of a condition that was checked

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbpart.catalog.condition_checks import name_errors
from nbpart.catalog.condition_tree import make_error
from nbpart.catalog.expressions import quote
from nbpart.catalog.instance import open_instance, run_in_time
from nbpart.catalog.set_tables import literal
from nbpart.partitions.filters import Condition
from nbpart.partitions.mapping import MAX_PAIRS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: How long a search may take, in seconds.
MOST_S = 30.0
#: The id of a key among the columns of a side; no column can have this name.
ID = "key id"


@dataclass(frozen=True, eq=False)
class PairSearch:
    """What to search: a condition on copies of two sets, by the name that it has for each; ``version`` is theirs.

    ``keeper`` writes what is found into the catalog.
    """

    condition: Condition
    reader_set_id: int
    input_set_id: int
    version: str
    zone: str
    copies: Mapping[str, pa.Table]
    keeper: Callable[[Any, PairSearch, tuple[Ids, Ids]], None] | None = None

    @property
    def name(self) -> str:
        return f"pairs {self.reader_set_id} {self.input_set_id} {self.condition.text}"

    def keep(self, batch: Any, found: tuple[Ids, Ids]) -> None:
        if self.keeper is not None:
            self.keeper(batch, self, found)

    def run(self) -> tuple[Ids, Ids]:
        """The ids of the readers and those of the inputs of all pairs, ordered by both.

        Raises `ConditionError` where the condition cannot be asked, takes too long, or relates too many pairs.
        """
        connection = open_instance()
        try:
            for name, copy in self.copies.items():
                connection.register("copied", copy)
                connection.execute(f"CREATE TABLE {quote(name)} AS FROM copied")
                connection.unregister("copied")
            connection.execute(f"SET TimeZone = {literal(self.zone)}")
            connection.execute("SET enable_external_access = false; SET lock_configuration = true")
            return self._search(connection)
        finally:
            connection.close()

    def _search(self, connection: Any) -> tuple[Ids, Ids]:
        wanted = f"this.{quote(ID)} AS reader, upstream.{quote(ID)} AS input"
        limited = make_pairs_sql(wanted, "upstream", "this", self.condition) + f" LIMIT {MAX_PAIRS + 1}"
        with name_errors(self.condition, say_too_late(MOST_S)):
            found = run_in_time(connection, f"SELECT * FROM ({limited}) ORDER BY ALL", {}, MOST_S)
            if len(found["reader"]) > MAX_PAIRS:
                counting = f"SELECT count(*) AS n FROM ({make_pairs_sql('1', 'upstream', 'this', self.condition)})"
                check_count(self.condition, int(run_in_time(connection, counting, {}, MOST_S)["n"][0]))
        return found["reader"], found["input"]


@dataclass(frozen=True)
class SlowPairs:
    """What a batch finds out that asks by a condition which takes too long in the lease: it is run again, and searches.

    ``query`` is the name of the condition between its sets.
    """

    query: str

    @property
    def name(self) -> str:
        return f"slow {self.query}"

    @property
    def version(self) -> str:
        return self.name

    def run(self) -> bool:
        return True

    def keep(self, batch: Any, found: bool) -> None:
        """Nothing: the pairs themselves will be kept."""


def make_pairs_sql(wanted: str, upstream: str, this: str, condition: Condition) -> str:
    """The query of all pairs: the text of the condition stands in parentheses, on lines of its own."""
    return f"SELECT {wanted} FROM {upstream}, {this} WHERE (\n{condition.text}\n)"


def check_count(condition: Condition, count: int) -> None:
    """Raise `ConditionError` for more pairs than are possible."""
    if count > MAX_PAIRS:
        what = f"it relates {count:,} pairs of keys, and {MAX_PAIRS:,} are possible: ask for fewer"
        raise make_error(condition, what)


def say_too_late(most_s: float) -> str:
    return f"it took longer than {most_s:g} s: let a column of both be equal or in a range"
