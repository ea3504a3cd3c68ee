# Needs Python 3.11 and make; everything else is set up in .venv from requirements.lock.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SETUP := .venv/.ready
PORT ?= 5000

.PHONY: train test lint format ui lock
train: $(SETUP)
	$(BIN)/python scripts/train.py experiment=phantom $(ARGS)

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile $(ARGS) # networks this small only lose by a second thread

lint: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(SETUP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

ui: $(SETUP) # PORT=5001 make ui, where 5000 is taken
	@echo "cross-validations, best first: http://127.0.0.1:$(PORT)/#/experiments/1/runs?viewStateShareKey=trus"
	$(BIN)/mlflow ui --backend-store-uri sqlite:///$(CURDIR)/outputs/mlflow.db --host 127.0.0.1 --port $(PORT)

lock: $(SETUP)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --quiet --upgrade --custom-compile-command "make lock" --output-file requirements.lock

$(SETUP): requirements.lock pyproject.toml
	test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/pip install --quiet uv; }
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements.lock # else each start compiles anew
	$(BIN)/uv pip install --quiet --no-deps --editable .
	touch $@
