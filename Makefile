# Everything a person or the build needs, one word each. `make help` lists it.
# Only Python >= 3.11, make and the package registries are needed for setup, demo and test.

PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input
# Wheels only, so that nothing is compiled and no build script of a dependency runs; hashes, so that what was
# tested is what is installed.
LOCKED := $(PIP) install --require-hashes --only-binary :all:
PYTEST := $(BIN)/python -m pytest
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help setup dev demo demo-live test test-kafka test-browser chaos mutants lint audit format docs docs-check pictures golden bench bench-full lock clean check-python
.DELETE_ON_ERROR:

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Xuejing needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." >&2; \
		echo "Name another one: make PYTHON=python3.12 demo" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' has no venv module (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }

# Stamps: a step runs again only when what it depends on changed.
$(VENV)/.base: requirements/build.lock | check-python
	@echo "setup 1/3: environment in $(VENV)"
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(LOCKED) -r requirements/build.lock
	@touch $@

$(VENV)/.locked: $(VENV)/.base requirements/embedded.lock
	@echo "setup 2/3: locked dependencies (one to three minutes the first time)"
	@$(LOCKED) -r requirements/embedded.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@echo "setup 3/3: $(BIN)/xuejing"
	@$(PIP) install --no-build-isolation --no-deps --no-index --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements/dev.lock
	@echo "setup: what tests and lint need"
	@$(LOCKED) -r requirements/dev.lock
	@touch $@

setup: $(VENV)/.installed ## create .venv with locked dependencies and .venv/bin/xuejing

dev: $(VENV)/.dev ## setup, and what tests and lint need

demo: $(VENV)/.installed ## simulate a college's term and write every report to demo-report/
	@$(BIN)/xuejing demo

demo-live: $(VENV)/.installed ## the same for the current term, then simulated people learn on before a live dashboard, until Ctrl-C
	@$(BIN)/xuejing demo --live

test: $(VENV)/.dev ## run the tests; what needs more than Python skips and says what
	@$(PYTEST) $(ARGS)

test-kafka: $(VENV)/.dev ## run the tests that need Apache Kafka (Java 17, Maven)
	@XUEJING_REQUIRE=kafka,$$XUEJING_REQUIRE $(PYTEST) -m kafka $(ARGS)

tests/browser/node_modules/.installed: tests/browser/package-lock.json
	@npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

test-browser: $(VENV)/.dev tests/browser/node_modules/.installed ## run the tests that need headless Chromium (and npm)
	@XUEJING_REQUIRE=browser,$$XUEJING_REQUIRE $(PYTEST) -m browser $(ARGS)

MINUTES ?= 1.2
SEED ?= 1
chaos: $(VENV)/.dev ## kill, pause and cut off everything for MINUTES, by SEED, and compare (ARGS=--apache: Apache Kafka)
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) --seed $(SEED) $(ARGS)

mutants: $(VENV)/.dev ## put faults into a copy of the program: each must turn the tests red
	@$(BIN)/python -m tests.mutants $(ARGS)

# Each tells what is wrong, also when the one before it failed.
lint: $(VENV)/.dev ## ruff and strict types
	@ok=0; $(BIN)/ruff check . || ok=1; $(BIN)/ruff format --check . || ok=1; $(BIN)/mypy || ok=1; exit $$ok

audit: $(VENV)/.dev ## ask for known vulnerabilities of what is locked (ARGS=--required: fail also when nobody answers)
	@$(BIN)/python requirements/audit.py $(ARGS)

format: $(VENV)/.dev ## let ruff format and fix what it can
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

docs: $(VENV)/.dev ## write the generated pages, schemas and samples again
	@$(BIN)/python -m docs.generate

pictures: demo ## write the sample reports and take the README's pictures again (needs Chromium)
	@$(BIN)/python -m docs.sample_reports demo-report/store
	@$(BIN)/python -m docs.screenshots
	@$(BIN)/python -m docs.dashboard_pictures demo-report/store

golden: $(VENV)/.dev ## write the golden files of reports again; look at git diff tests/golden
	@$(BIN)/python -m tests.golden

docs-check: $(VENV)/.dev ## fail when a generated page is stale or a link is broken
	@$(PYTEST) tests/unit/test_docs.py $(ARGS)

# An environment of its own: what benchmarks compare with has other needs than the project.
$(BENCH)/.installed: requirements/build.lock requirements/bench.lock | check-python
	@echo "setup: what is measured and what it is compared with in $(BENCH)"
	@$(PYTHON) -m venv --clear $(BENCH)
	@$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet --no-input install --require-hashes --only-binary :all: -r requirements/bench.lock
	@touch $@

bench: $(BENCH)/.installed ## short benchmarks, written to docs/performance.md (Java 17, Maven; ARGS="--only ingest latency")
	@$(BENCH)/bin/python -m bench $(ARGS)

bench-full: $(BENCH)/.installed ## long benchmarks, written to docs/performance.md: hours
	@$(BENCH)/bin/python -m bench --full $(ARGS)

lock: $(VENV)/.base ## resolve dependencies again (needs uv: it is installed into the environment)
	@$(PIP) install 'uv>=0.8'
	@sh requirements/lock.sh $(BIN)/uv

clean: ## remove the environment, caches and the demo's results
	rm -rf $(VENV) $(BENCH) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build demo-report *.egg-info
