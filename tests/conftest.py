from __future__ import annotations

from hypothesis import settings

# a slow machine is no fault of the code under test
settings.register_profile("nbpart", deadline=None)
settings.load_profile("nbpart")
