# Two commands are enough for a newcomer: `make demo` and `make test`. Each makes its own environment when there is none
# (Python 3.11 or later and pip) and installs again only when pyproject.toml or constraints.txt has changed.

VENV    ?= .venv
PYTHONS := python3.11 python3.12 python3.13 python3 python
PYTHON  ?= $(shell for p in $(PYTHONS); do $$p -c $(PROBE) >/dev/null 2>&1 && echo $$p && break; done)
WORKERS ?= 2
DATA    ?=
PUPILS  ?=
# Scripts that can be run and have no row in the table of "make bench".
STUDIES  = $(filter-out %/all.py %/real_data.py,$(shell grep -l __main__ $$(grep -L "^def rows(" benchmarks/*.py)))

PROBE   := 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
BIN     := $(VENV)/bin
PY      := $(BIN)/python
RUNTIME := $(VENV)/.installed-runtime
DEV     := $(VENV)/.installed-dev
PAGES   := $(VENV)/.installed-pages
SPARK   := $(VENV)/.installed-spark
SITE    := $(VENV)/.installed-site
PINS    := constraints.txt

# The pins hold for the build backend too: PIP_CONSTRAINT reaches isolated builds, newer pips read PIP_BUILD_CONSTRAINT.
export PIP_CONSTRAINT := $(PINS)
export PIP_BUILD_CONSTRAINT := $(PINS)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export MPLBACKEND := Agg
export PUPILS

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-whole test-all test-newest test-oldest test-pages test-spark check format bench studies docs docs-site model dist-check wheel clean clean-all

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME)  ## Make a synthetic cohort, score it, print the flagged pupils and their reasons
	$(BIN)/decrochage-risk demo

test: $(DEV)  ## Run the fast suite, warnings as errors
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(WORKERS) --dist loadfile -m "not slow and not whole"

test-whole: $(DEV)  ## Run the tests that train, score a cohort or write whole folders
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(WORKERS) --dist loadfile -m "whole and not slow"

test-all: $(DEV)  ## Run every test, the slow ones too
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(WORKERS) --dist loadfile

test-newest:  ## Run the fast suite on the newest versions of everything, in an environment of its own
	$(PYTHON) -m venv --clear build/newest
	env -u PIP_CONSTRAINT -u PIP_BUILD_CONSTRAINT build/newest/bin/python -m pip install --quiet --upgrade --editable ".[dev]"
	OMP_NUM_THREADS=1 build/newest/bin/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not slow and not whole"

test-oldest:  ## The same on the lower bounds of pyproject.toml, with Python 3.11
	python3.11 -m venv --clear build/oldest
	python3.11 .ci/lower_bounds.py > build/oldest/bounds.txt
	PIP_CONSTRAINT=build/oldest/bounds.txt build/oldest/bin/python -m pip install --quiet --editable ".[dev]"
	OMP_NUM_THREADS=1 build/oldest/bin/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not slow and not whole"

test-pages: $(PAGES)  ## Look at every page in a headless Chromium (.ci/set-up-pages installs it)
	DECROCHAGE_TEST_PAGES=1 OMP_NUM_THREADS=1 $(PY) -m pytest -q tests/pages

test-spark: $(SPARK)  ## Score and train on a real Spark on this machine (.ci/set-up-spark installs its Java)
	DECROCHAGE_TEST_SPARK=1 OMP_NUM_THREADS=1 $(PY) -m pytest -q tests/spark

check: $(DEV)  ## Lint, format, types, layers, and generated files that must not be stale
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PY) docs/generate.py --check

format: $(DEV)  ## Format the code and mend what ruff can mend
	$(BIN)/ruff format --no-cache .
	$(BIN)/ruff check --no-cache --fix .

bench: $(DEV)  ## Speed and memory beside their targets; PUPILS=20000 for a quick look
	$(PY) benchmarks/all.py

studies: $(DEV)  ## The studies of cohort, oracle and intervals; DATA=folder adds the one on real records
	@set -e; for script in $(STUDIES); do echo "== $$script"; $(PY) $$script; done
	@if [ -n "$(DATA)" ]; then echo "== benchmarks/real_data.py"; $(PY) benchmarks/real_data.py --data "$(DATA)"; fi

docs: $(DEV)  ## Write the generated pages and schemas again
	$(PY) docs/generate.py

docs-site: $(SITE)  ## Build the documentation site in build/site; a broken link stops it
	NO_MKDOCS_2_WARNING=true $(PY) -m mkdocs build --quiet

model: $(DEV)  ## Train the bundled demonstration model again (models/demo)
	$(PY) models/retrain_demo.py

dist-check: $(DEV)  ## Build sdist and wheel and hold them against what an index asks for (twine check)
	rm -rf dist
	$(PY) -m build --no-isolation --outdir dist
	$(PY) -m twine check --strict dist/*

wheel: $(DEV)  ## Build the wheel in dist/
	rm -rf dist
	$(PY) -m build --wheel --no-isolation --outdir dist

clean:  ## Remove what the other targets wrote, but not the environment
	rm -rf build dist out .hypothesis .mypy_cache .ruff_cache .import_linter_cache .cache
	find src tests docs benchmarks models -name __pycache__ -type d -prune -exec rm -rf {} +

clean-all: clean  ## Remove the environment too
	rm -rf $(VENV)

$(PY):
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c $(PROBE); then \
	  echo "No Python 3.11 or later with venv and pip was found (tried: $(or $(PYTHON),$(PYTHONS)))." >&2; \
	  echo "Hint: install one, or name it: make PYTHON=/path/to/python3.11 demo" >&2; exit 1; fi
	$(PYTHON) -m venv --clear $(VENV)

$(RUNTIME): pyproject.toml $(PINS) | $(PY)
	$(PY) -m pip install --quiet --editable .
	@touch $@

$(DEV): pyproject.toml $(PINS) | $(PY)
	$(PY) -m pip install --quiet --editable ".[dev]"
	@touch $(RUNTIME) $@

$(PAGES): $(DEV)
	$(PY) -m pip install --quiet --editable ".[dev,pages]"
	@touch $@

$(SPARK): $(DEV)
	$(PY) -m pip install --quiet --editable ".[dev,spark]"
	@touch $@

$(SITE): pyproject.toml $(PINS) | $(PY)
	$(PY) -m pip install --quiet --editable ".[site]"
	@touch $(RUNTIME) $@
