"""The demo: flights from New York, one CSV a day, one of them broken."""

from nbpart.demo.folder import land_days, make_folder, send_again
from nbpart.demo.story import run_demo

__all__ = ["land_days", "make_folder", "run_demo", "send_again"]
