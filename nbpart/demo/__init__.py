"""The demo: one CSV file of flights from New York a day, one of them broken off."""

from nbpart.demo.folder import land_days, make_folder, send_again
from nbpart.demo.story import run_demo

__all__ = ["land_days", "make_folder", "run_demo", "send_again"]
