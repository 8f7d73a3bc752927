"""The engine by the name that environments installed before look for; goes when they are installed again."""

from nbpart.run.papermill_engine import PapermillEngine as RunEngine

__all__ = ["RunEngine"]
