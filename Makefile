# make demo    a virtual environment in .venv, nbpart in it, and the demo       (DAYS=3 for a short one)
# make test    the same with all that the tests need, and the tests             (ARGS="-k keys" for some)
# make crash   the tests that kill, ten times as long     (SCALE=20 for more, ARGS as above)
# make check   ruff, its formatter, mypy; types and lint of the front end
# make bundle  what browsers load, from frontend/src and from what Python knows
# make bench   the benchmarks                                                 (ARGS="plan imports" for some)
# make conformance   tests of Jupyter's own projects, and odd notebooks, on their kernel and on ours   (ARGS="odd")
# make clean   take away everything that these made

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet
DAYS ?= 14
ARGS ?=
SCALE ?= 10

.PHONY: demo test crash check format bundle bench conformance clean
.DEFAULT_GOAL := demo
.DELETE_ON_ERROR:

demo: $(VENV)/for-use
	@$(BIN)/nbpart demo --days $(DAYS)

test: $(VENV)/for-development
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadgroup $(ARGS)

crash: $(VENV)/for-development
	NBPART_CRASH_SCALE=$(SCALE) $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 tests/crash $(ARGS)

check: $(VENV)/for-development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m frontend check

format: $(VENV)/for-development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bundle: $(VENV)/for-development
	$(BIN)/python -m frontend bundle

bench: $(VENV)/for-development
	$(BIN)/python -m benchmarks $(ARGS)

conformance: $(VENV)/for-development
	$(BIN)/python -m conformance $(ARGS)

clean:
	rm -rf $(VENV) frontend/node_modules build dist nbpart-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find nbpart tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} +

# The files below say how far .venv is; each is written only when its step is done.

$(VENV)/for-development: $(VENV)/for-use
	@echo "Installing what the tests need ..."
	@$(PIP) --editable ".[dev]"
	@touch $@

$(VENV)/for-use: $(VENV)/made pyproject.toml
	@echo "Installing nbpart into $(VENV); the first time this takes a minute or two ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/made:
	@found=; bare=; \
	for python in python3.13 python3.12 python3.11 python3; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	    if "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then found=$$python; break; fi; \
	    bare="$$bare $$python"; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	    echo "nbpart needs Python's venv and ensurepip, which$$bare lacks." \
	         "Install them (on Debian and Ubuntu: apt install python3-venv) and run make again." >&2; exit 1; \
	elif [ -z "$$found" ]; then \
	    echo "nbpart needs Python 3.11 or newer, and none of python3.13, python3.12, python3.11, python3 is one." \
	         "Install it and run make again." >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$found --version) ..."; \
	"$$found" -m venv $(VENV) && touch $@
