"""What a forked kernel may have imported before its run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Imports:
    """What a forked kernel may have imported: the modules `preload`, unless these read any of `variables`."""

    preload: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()

    def without_what_reads(self, variables: Iterable[str]) -> Imports:
        """The same without modules that have read one of these environment variables."""
        return replace(self, variables=self.variables.union(variables))
