# Everything starts from Python and pip alone: `make setup` makes an environment and fills it from uv.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests run side by side: one thread of the numeric libraries each, else they wait for one another.
JOBS ?= $(shell nproc)

.PHONY: setup demo test lint clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --quiet --frozen --inexact
	touch $@

demo: setup
	$(BIN)/vultus demo

test: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

clean:
	rm -rf vultus-demo .pytest_cache .mypy_cache .ruff_cache
