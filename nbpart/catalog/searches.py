"""What a batch needs and what would keep others from the catalog for too long: it is searched for off the lease.

A batch that needs what nobody has kept ends by `SearchWanted`. The catalog then lets go of its file, runs the search in
the thread of the caller, and runs the batch again with what was found.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

#: So often a piece of work has something searched for that another process outdates meanwhile.
_MOST_SEARCHES = 3


class Search(Protocol):
    """A search over copies of what is in the catalog; ``version`` is another one for other copies.

    ``name`` is the same for all searches of which only the last one counts.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def run(self) -> Any:
        """What is found; what is raised is raised to the caller."""

    def keep(self, batch: Any, found: Any) -> None:
        """Keep what was found in the catalog, for other batches."""


class SearchWanted(Exception):
    """A batch needs what a search finds: no error, since it is run again."""

    def __init__(self, search: Search) -> None:
        super().__init__(search.name)
        self.search = search


class Found:
    """What was searched for one piece of work, by version."""

    def __init__(self) -> None:
        self._results: dict[str, Any] = {}
        self._searches: Counter[str] = Counter()

    def run(self, search: Search) -> Any:
        """What a search finds."""
        self._results[search.version] = found = search.run()
        self._searches[search.name] += 1
        return found

    def get(self, version: str) -> Any:
        """What was found of a version; None where nobody looked."""
        return self._results.get(version)

    def may_search(self, search: Search) -> bool:
        """Whether another search is worth it: not where there was another version each time that one ended."""
        return self._searches[search.name] < _MOST_SEARCHES
