"""For papermill's tests: the engine that it takes where none is named is ours."""

from __future__ import annotations

from papermill.engines import papermill_engines

from nbpart.run.papermill_engine import PapermillEngine

papermill_engines.register(None, PapermillEngine)
