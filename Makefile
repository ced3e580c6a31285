# Two commands matter: `make demo` and `make test`. Each sets up what it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST_ARGS ?=

.PHONY: demo test check unit train fuzz setup dev docs reference pictures dist floors newest bench imports lock clean help

help:
	@echo "make demo    set up, run the failure handler demo, show jobs, attempts and open decisions"
	@echo "make test    set up, lint, check types and import directions, run all tests"
	@echo "make unit    run all tests, or some: make unit PYTEST_ARGS=tests/torc_core"
	@echo "make docs    build the documentation into site/"
	@echo "make reference  write the pages of docs/ that are made from the code"
	@echo "make pictures  draw the pictures of docs/pictures from a real run"
	@echo "make dist    build wheel and sdist into dist/, install the wheel in a new environment and try it there"
	@echo "make fuzz    set up, send many generated requests to a server; none may be an error of it"
	@echo "make floors  install the lowest versions that pyproject.toml allows in a new environment, and try them there"
	@echo "make newest  the same with the newest versions"
	@echo "make train   train the word model of the triage anew; the same texts give the same file (SITE=lessons.yaml)"
	@echo "make bench   set up, run the benchmarks (several minutes)"
	@echo "make imports  print what each command imports, and how long that takes"
	@echo "make evals   let an agent decide about prepared failures: AGENT=scripted, rules, claude, copilot"
	@echo "make lock    renew the pinned versions in locks/"
	@echo "make clean   remove .venv and everything that runs left behind"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "python3 -m venv failed; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: locks/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) ..."
	@$(PIP) install --quiet --require-hashes --requirement locks/runtime.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/.runtime
	@$(PIP) install --quiet --require-hashes --requirement locks/dev.txt
	@touch $@

$(VENV)/.bench: locks/bench.txt $(VENV)/.dev
	@$(PIP) install --quiet --require-hashes --requirement locks/bench.txt
	@touch $@

$(VENV)/.docs: locks/docs.txt $(VENV)/.runtime
	@$(PIP) install --quiet --require-hashes --requirement locks/docs.txt
	@touch $@

setup: $(VENV)/.runtime
dev: $(VENV)/.dev

demo: setup
	@BIN=$(BIN) bash examples/scripts/demo.sh

check: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: dev
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

test: check unit

docs: $(VENV)/.docs
	$(BIN)/python -m docs_build --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	$(BIN)/python -m docs_build.check_site site
	@echo "Read it: $(BIN)/python -m http.server --directory site 8000"

reference: setup
	$(BIN)/python -m docs_build

pictures: setup
	$(BIN)/python -m docs_build.pictures

dist: setup
	bash packaging/dist.sh $(BIN)/python

floors: setup
	bash packaging/versions.sh $(BIN)/python lowest

newest: setup
	bash packaging/versions.sh $(BIN)/python newest

fuzz: dev
	TORC_FUZZ_EXAMPLES=$${TORC_FUZZ_EXAMPLES:-200} $(BIN)/python -m pytest -q tests/torc_server/test_openapi_fuzz.py

# One thread: with more, sums come in another order, and weights can differ.
train: dev
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.train $(if $(SITE),--site $(SITE))

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.slurm_scale
	$(BIN)/python -m benchmarks.triage
	$(BIN)/python -m benchmarks.groups
	$(BIN)/python -m benchmarks.tokens
	$(BIN)/python -m benchmarks.recovery
	$(BIN)/python -m benchmarks.campaign
	$(BIN)/python -m benchmarks.monitoring
	$(BIN)/python -m benchmarks.pages

imports: setup
	$(BIN)/python -m benchmarks.imports

evals: dev
	$(BIN)/python -m evals --agent $(or $(AGENT),scripted)

lock: dev
	$(BIN)/python -m pip install --quiet uv
	bash locks/renew.sh $(BIN)/uv

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-output output dist site
