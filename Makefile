# On a fresh machine: Python >= 3.11 and make. Everything else comes with `make setup`, into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# What `make search` searches; another one: make search SEARCH="--space mobilenet --trials 50"
SEARCH ?= --space resnet --evaluator digits --trials 32 --max-ops 2e5

# One thread a process is the fastest way to train small networks on a CPU, and OpenMP threads that
# spin while they wait slow the other processes down tenfold.
export OMP_NUM_THREADS ?= 1
export GOMP_SPINCOUNT ?= 0
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.PHONY: help setup search test check format-check lint types imports format bench clean

help: ## Say what there is to make.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with the package, its extras and the tools.

# A stamp, so that the installation is repeated only when the requirements have changed.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: bnas needs Python 3.11 or newer, but $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>&1); install one and run: make PYTHON=python3.11 setup" >&2; exit 1; }
	@echo "setting up $(VENV), about a minute ..."
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[nni,dashboard,dev]'
	@touch $@

search: setup ## Run the main job: search block designs on the embedded digits.
	$(BIN)/bnas search $(SEARCH)

test: setup ## Run the tests, without the slow ones.
	$(BIN)/pytest

check: format-check lint types imports test ## Run every check that a change must pass.

format-check: setup
	$(BIN)/ruff format --check .

lint: setup
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports --no-logo

format: setup ## Lay out the code and mend what ruff can mend.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Run every benchmark.
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

clean: ## Remove what builds and checks leave behind; .venv and results stay.
	rm -rf build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
