# The commands of the project; `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
SIMULATOR_PORT ?= 9000
BIN = .venv/bin
# Tests wait for one another's servers as much as they work: more of them than processors run at once.
JOBS ?= $(shell expr \( $$(getconf _NPROCESSORS_ONLN) \* 3 + 1 \) / 2)
NODE = tests/suites/node
# OpenAI's own description of its API; without it the suites that need it are skipped, loudly.
OPENAPI ?= $(wildcard ../shared/openai-openapi/openapi.yaml)
export OPENAPI
# Some images switch bytecode off; each of the hundreds of processes that tests start would compile the project anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup setup-test run test test-all nightly lint format bench bench-peers price-guard lock docs cookbook endpoints setup-node setup-agents suites audit fuzz
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "The gateway needs Python 3.11 or newer; name it with: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.test: requirements/test.txt .venv/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

setup: .venv/.run ## make the environment: .venv, locked and hash-checked

setup-test: .venv/.test ## the same, with what tests need (pytest among it)

setup-agents: .cache/agents/.done ## the agents SDK, in an environment of its own

setup-node: $(NODE)/node_modules/.package-lock.json ## what the suites need of npm

$(NODE)/node_modules/.package-lock.json: $(NODE)/package-lock.json
	@command -v npm >/dev/null || { echo "The suites need npm (Debian: apt-get install nodejs npm); it brings the Node that they run on." >&2; exit 1; }
	cd $(NODE) && npm ci --no-audit --no-fund
	@touch $@

run: setup ## start the gateway with a simulated model server; works offline
	$(BIN)/lukhas serve --config deploy/demo.yaml --port $(PORT) --simulate

test: setup-test ## the suite that needs only Python packages
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not full and not nightly"

test-all: setup-test setup-node setup-agents ## what `test` runs, and what needs Node or the agents SDK
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not nightly"

suites: setup-test setup-node ## the SDKs' own suites alone, with their counts: make suites OPENAPI=openapi.yaml
	$(BIN)/pytest tests/suites

nightly: setup-test ## soaks of a million requests, a minute of overload, and 50 kills of a gateway under load with a table of what was lost
	$(BIN)/pytest -m nightly || [ $$? = 5 ]
	$(BIN)/python -m tests.durability.kill_loop --loops 50
	$(BIN)/python -m perf.soak
	$(BIN)/python -m perf.overload

.cache/%/.done: requirements/%.txt
	$(PYTHON) -m venv --clear .cache/$*
	.cache/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

audit: setup .cache/audit/.done ## look the locked packages up in the list of known faults, and write their bill of materials
	$(BIN)/python -m tests.security.audit_lock .cache/audit/bin artifacts

FUZZ_SECONDS ?= 60
fuzz: setup-test .cache/fuzz/.done ## strange input for the parsers and our own routes: make fuzz FUZZ_SECONDS=3600
	$(BIN)/python -m tests.fuzz .cache/fuzz/bin $(FUZZ_SECONDS)

lint: setup-test ## ruff and mypy, nothing is changed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup-test ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## what a request costs, with Python packages alone: make bench ARGS='--server gateway'
	$(BIN)/python -m perf.bench $(ARGS)

bench-peers: setup ## the same beside LiteLLM, Portkey, TensorZero and nginx (see perf/README.md)
	perf/bench_peers.sh $(ARGS)

price-guard: setup ## fail if a request costs 15 % more than perf/price.json says; ARGS=--write sets it
	$(BIN)/python -m perf.price_guard $(ARGS)

docs: setup ## write the generated references
	$(BIN)/lukhas docs

cookbook: setup-test ## ask the questions of docs/sql.md anew, and write the answers below them
	$(BIN)/python -m tests.docs.cookbook

endpoints: setup ## make gateway/endpoints.json anew: make endpoints OPENAPI=openapi.yaml
	$(BIN)/python -m tests.openapi.make_table $(OPENAPI)

lock: ## make requirements/*.txt anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements/run.txt
	uv pip compile pyproject.toml --group build --group test -c requirements/run.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements/test.txt
	for group in agents audit fuzz; do uv pip compile --group $$group --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements/$$group.txt; done
