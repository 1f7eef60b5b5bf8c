# Everything a fresh machine needs is set up by the first target that needs it; stamps make that happen once.
#   make run    start an exchange in ./var          make test   run the whole test suite
#   make demo   two firms trade 1,000 orders        make check  lint, types, layers
#   make bench  measure the published figures       make trace  which requirements have a passing test
#   make mutants  plant a hundred bugs in a copy of the core: the tests must find each (ten minutes)
#   make chaos  reliability checks in full, passed / tried (three quarters of an hour; CHAOS_SCALE=10 for a night)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= var
# Tests wait for processes more than they calculate: two of them share a core.
WORKERS ?= $(shell expr 2 \* $$(nproc))
# CORE_PROFILE=quick builds the core in seconds, several times slower: for the next test, never for a figure.
CORE_PROFILE ?= release
# The release core is trained, which builds it twice, where llvm-profdata is found; CORE_TRAINED=no builds it once.
export CORE_TRAINED ?= yes
export PATH := $(HOME)/.cargo/bin:$(PATH)

BUILD_CORE := PIP_QUIET=1 PIP_DISABLE_PIP_VERSION_CHECK=1 VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/python scripts/build_core.py --profile $(CORE_PROFILE)
CORE := $(shell find engine/core -name '*.rs' -o -name Cargo.toml -o -name Cargo.lock | grep -v /target/)

.PHONY: run demo test check bench chaos mutants trace setup setup-dev clean
.DELETE_ON_ERROR:

run: setup
	$(BIN)/exchange run --data $(DATA)

demo: setup
	$(BIN)/exchange demo

test: setup-dev
	cargo test --quiet --manifest-path engine/core/Cargo.toml
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations 20 $(TESTS)

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cargo clippy --quiet --manifest-path engine/core/Cargo.toml --all-targets -- -D warnings
	cargo fmt --manifest-path engine/core/Cargo.toml -- --check
	$(BIN)/lint-imports

bench: setup-dev
	$(BIN)/python -m bench

chaos: setup-dev
	$(BIN)/python -m tests.chaos $(CHECKS)

mutants: setup-dev
	$(BIN)/python scripts/mutants.py $(MUTANTS)

trace: setup-dev
	$(BIN)/python scripts/trace.py -n $(WORKERS) --dist worksteal

setup: .stamps/install
setup-dev: .stamps/dev

.stamps/venv:
	@$(PYTHON) scripts/check_machine.py
	$(PYTHON) -m venv $(VENV)
	@mkdir -p .stamps && touch $@

.stamps/quickfix: .stamps/venv scripts/build_quickfix.py
	$(BIN)/python scripts/build_quickfix.py --install
	@touch $@

.stamps/maturin: .stamps/venv pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check 'maturin>=1.9,<2' 'cffi>=1.17' 'sortedcontainers==2.4.0'
	@touch $@

.stamps/install: .stamps/quickfix .stamps/maturin pyproject.toml scripts/build_core.py $(CORE)
	$(BUILD_CORE)
	@touch $@

.stamps/dev: .stamps/install
	$(BUILD_CORE) --extras dev
	@touch $@

clean:
	rm -rf $(VENV) .stamps engine/core/target engine/_core
