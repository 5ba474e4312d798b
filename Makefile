# `make demo` and `make test` set up everything they need in .venv; nothing but Python 3.10+ and make is expected.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo app test fast check lint types contracts house lock clean

demo: $(READY)  ## synthetic smear, cross-validated training, predictions; opens the app in a terminal
	$(BIN)/aimic demo

app: $(READY)   ## open the app
	$(BIN)/aimic

# The fast tests first: a mistake shows soon, not after the trainings. A thread each, in as many processes as
# tests/conftest.py says; a file stays with one process, which makes what its tests share once. The longest files first.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder
test fast: export OMP_NUM_THREADS = 1
test: $(READY)  ## all tests
	$(PYTEST) -m "not slow"
	$(PYTEST) -m slow

fast: $(READY)  ## the fast tests only
	$(PYTEST) -m "not slow"

check: lint types contracts test  ## everything that must hold

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy
	$(BIN)/mypy tools benchmarks

contracts: $(READY)  ## imports point down only, and in no circle
	$(BIN)/lint-imports
	$(BIN)/python tools/house.py --check --types

# AT=revision of another day; INSIDE=engine.data for one package; SVG=file to draw it; BASELINE=revision for totals side by
# side; TYPES=1 counts imports for type checkers, too.
house: $(READY)  ## who imports whom, by room and floor
	$(BIN)/python tools/house.py $(if $(AT),--at $(AT)) $(if $(INSIDE),--inside $(INSIDE)) $(if $(SVG),--svg $(SVG)) \
		$(if $(BASELINE),--baseline $(BASELINE)) $(if $(TYPES),--types)

lock: $(READY)  ## pin the newest versions that pyproject.toml admits
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.10 --generate-hashes \
		--no-annotate --no-header pyproject.toml --group dev -o requirements/lock.txt
	echo uv | $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.10 --generate-hashes \
		--no-annotate --no-header - -o requirements/uv.txt

$(READY): requirements/lock.txt requirements/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "aimic needs Python 3.10 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip sync -q --require-hashes requirements/lock.txt requirements/uv.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip install -q --no-deps --no-build-isolation --editable .
	@touch $(READY)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
