# The whole project in six words; the first three install whatever is missing (see `make setup`).
PORT ?= 8080
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
WEB := src/brise/service/web_dist/.stamp
WEB_SOURCES := $(shell find web -name node_modules -prune -o -type f -print 2>/dev/null)
export OMP_WAIT_POLICY := PASSIVE
export UV_FIND_LINKS ?= $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))

.PHONY: help run setup web web-api test check bench docs lock peers clean

help:            ## what each word does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(STAMP) $(WEB)  ## install the pinned dependencies into .venv; build the app where node is

# uv installs in seconds; pip is the fallback where uv has no wheel. Compiling once here saves two seconds at every start.
$(STAMP): pyproject.toml requirements/dev.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "brise: installing pinned dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
	@if test -x $(BIN)/uv; then \
	  $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements/dev.lock && \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e . ; \
	else \
	  $(BIN)/python -m pip install --quiet -r requirements/dev.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps -e . ; \
	fi
	@$(BIN)/python -m compileall -q src/brise
	@touch $(STAMP)

web: $(WEB)      ## the app alone

$(WEB): $(WEB_SOURCES)
	@sh web/build.sh

web-api: $(STAMP)  ## regenerate what the app knows of the API
	$(BIN)/python web/generate.py

run: setup       ## everything on http://127.0.0.1:8080 (PORT=… overrides)
	$(BIN)/brise up --port $(PORT)

test: setup      ## every test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

check: setup     ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if test -d web/node_modules; then cd web && npm run --silent check; fi

bench: setup     ## speed and skill, as ratios in one run
	$(BIN)/python -m benchmarks

docs: setup      ## regenerate the documents that are made from code
	$(BIN)/python -m benchmarks.documents

lock: setup      ## re-resolve the pins of pyproject.toml
	$(BIN)/uv pip compile -q pyproject.toml --extra ble --extra dev --extra postgres --extra train --no-header --no-annotate \
	  --python-version 3.11 -o requirements/dev.lock
	sed -i -e 's/^torch==\([0-9.]*\)+.*/torch==\1/' -e '/^\(cuda-\|nvidia-\|triton==\)/d' requirements/dev.lock  # whichever build is at hand
	$(BIN)/uv pip compile -q pyproject.toml --extra postgres --no-header --no-annotate \
	  --python-version 3.11 -o requirements/runtime.lock

peers: setup     ## pySTEPS and Pyretechnics in build/, to measure against (they compile, so they are in no environment of ours)
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --target build/peers -r requirements/peers.lock
	test -x build/pyretechnics/bin/python || $(PYTHON) -m venv build/pyretechnics  # it pins NumPy 1
	build/pyretechnics/bin/python -m pip install -q --disable-pip-version-check -r requirements/pyretechnics.lock

clean:           ## forget the virtual environment and caches
	rm -rf $(VENV) web/node_modules src/brise/service/web_dist .mypy_cache .ruff_cache .pytest_cache
