"""Measurements: `python -m benchmarks.<name>` prints one JSON object a line."""
