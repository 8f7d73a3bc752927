"""Times of windows in frames, as the clock of their set shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.key_values import window_zones

if TYPE_CHECKING:
    import pandas as pd


def show_in_zones(frame: pd.DataFrame, definition: PartitionsDefinition | None) -> pd.DataFrame:
    """A frame with the columns of a set, and the starts and ends of windows in the zone of their set, as in a run."""
    zones = window_zones(definition)
    return frame.assign(**{name: frame[name].dt.tz_convert(zone) for name, zone in zones.items()})
