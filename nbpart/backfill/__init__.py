"""The plan of a backfill, its decisions, and the thread that carries them out."""
