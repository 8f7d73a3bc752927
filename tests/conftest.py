from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile

from hypothesis import settings

# a slow machine is no fault of the code under test
settings.register_profile("nbpart", deadline=None)
settings.load_profile("nbpart")

# what tests make and trust is no business of the person who runs them; the processes that they start inherit it
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="nbpart-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# a background job of a shell without job control ignores Ctrl-C, and so does every process that it starts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
