"""Carrying functions of a cell: the code that defines them again in a run."""
