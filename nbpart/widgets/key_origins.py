"""Where the keys of a set come from, as a line to show where there are none, or no form to add some."""

from __future__ import annotations

import json

from nbpart.partitions import (
    DynamicPartitions,
    MultiPartitions,
    PartitionsDefinition,
    StaticPartitions,
    TimeWindowPartitions,
)


def describe_origin(definition: PartitionsDefinition | None) -> str:
    """A sentence about where the keys of a set come from, and what adds some; "" without partitions."""
    if isinstance(definition, TimeWindowPartitions):
        until = "" if definition.end is None else f", until {definition.end:%Y-%m-%d %H:%M}"
        return (
            f"Windows of time in {definition.timezone} from {definition.start:%Y-%m-%d %H:%M}{until}: each comes when "
            "it has ended."
        )
    if isinstance(definition, MultiPartitions):
        named = ", ".join(part.set_name if part.name else name for name, part in definition.parts)
        return f"Every combination of {named}: it follows them as they grow and shrink."
    if isinstance(definition, StaticPartitions):
        return "A fixed list: declare it with other keys to change it."
    if isinstance(definition, DynamicPartitions):
        below = f" below a key of {definition.parent.set_name}" if definition.parent is not None else ""
        return f"Added by hand{below}: ws.partitions({json.dumps(definition.name, ensure_ascii=False)}).add(…)"
    return ""
