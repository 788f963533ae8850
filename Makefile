# make run    the whole product on http://127.0.0.1:8080, set up on the first call, data kept in ./data
# make test   every test, with its own set-up
# make test-quick  what runs within one process, in about two minutes
# make faults the tests that kill, starve and attack, with a soak of ten minutes, and random histories, many of them
# make check  lint, formatting, types, the lock files
# make bench  the benchmarks, as a table
# make bench-widgets  size and delivery beside other widgets, as tables; about a quarter of an hour
# make lock   renew the lock files from pyproject.toml
# make widget build the browser bundle alone
# make console build the console alone
# make screenshots  the pictures of the README, of a console with demo data
# make console-types  write down anew what the API takes and answers, for the console
# make sdks   install the SDKs of others that the tests run
# make providers  install the OpenID provider that the tests sign in with

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLD_SDK := $(VENV)/sdks/segment-2.3.4
WIDGET_SOURCES := $(shell find widget -path widget/node_modules -prune -o -path widget/dist -prune -o -type f -print)
CONSOLE_SOURCES := $(shell find console -path console/node_modules -prune -o -path console/types/node_modules -prune -o -type f -print)
NODE_SDK := sdk/node/dist/esm/index.js
NODE_SDK_SOURCES := $(shell find sdk/node -path sdk/node/node_modules -prune -o -path sdk/node/dist -prune -o -type f -print)
# Two files at a time, in the order of tests/conftest.py: more would wait for each other on two cores.
BESIDE := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
	--custom-compile-command "make lock" --upgrade

.DELETE_ON_ERROR:
.PHONY: run test test-quick faults check bench bench-widgets lock widget console console-types screenshots set-up programs sdks providers

run: $(VENV)/.runtime gateway/static/manifest.json gateway/console/dist/index.html
	@exec $(BIN)/ask0 serve

test: set-up programs sdks providers $(NODE_SDK) console/types/node_modules/.package-lock.json
	npm test --silent --prefix widget
	npm test --silent --prefix sdk/node
	$(BESIDE) --durations 40 --durations-min 8

test-quick: set-up
	$(BESIDE) --quiet -m "not apart"

faults: set-up programs
	SOAK_SECONDS=600 FAULT_ROUNDS=20 TEST_SEEDS=8 $(BIN)/python -m pytest --timeout 1800 tests/faults \
		tests/consumers/tables tests/gateway/api/test_schemathesis.py

check: set-up sdk/node/node_modules/.package-lock.json
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	npm run check --silent --prefix widget
	npm run check --silent --prefix console
	npm run check --silent --prefix sdk/node
	$(BIN)/python -m pytest --quiet tests/test_locks.py

bench: set-up
	$(BIN)/python -m bench

bench-widgets: set-up
	$(BIN)/python -m bench.widgets

lock: set-up
	$(COMPILE) --extra build --extra dev --output-file requirements-dev.lock > /dev/null
	$(COMPILE) --extra build --constraint requirements-dev.lock --output-file requirements.lock > /dev/null

set-up: $(VENV)/.dev gateway/static/manifest.json gateway/console/dist/index.html

$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Ask0 needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
		|| { echo "This Python has no venv: apt-get install python3-venv" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

widget/node_modules/.package-lock.json: widget/package.json widget/package-lock.json
	npm ci --silent --no-audit --no-fund --prefix widget
	@touch $@

gateway/static/manifest.json: widget/node_modules/.package-lock.json $(WIDGET_SOURCES)
	npm run build --silent --prefix widget
	@touch $@

widget: gateway/static/manifest.json

console/node_modules/.package-lock.json: console/package.json console/package-lock.json
	npm ci --silent --no-audit --no-fund --prefix console
	@touch $@

gateway/console/dist/index.html: console/node_modules/.package-lock.json $(CONSOLE_SOURCES)
	npm run build --silent --prefix console

console: gateway/console/dist/index.html

console/types/node_modules/.package-lock.json: console/types/package.json console/types/package-lock.json
	npm ci --silent --no-audit --no-fund --prefix console/types
	@touch $@

screenshots: set-up programs
	$(BIN)/python -m tests.console.screenshots

# The types of the API, as the gateway describes it; a test finds out when they are old.
console-types: $(VENV)/.dev console/types/node_modules/.package-lock.json
	$(BIN)/python -m tests.console.types

sdk/node/node_modules/.package-lock.json: sdk/node/package.json sdk/node/package-lock.json
	npm ci --silent --no-audit --no-fund --prefix sdk/node
	@touch $@

$(NODE_SDK): sdk/node/node_modules/.package-lock.json $(NODE_SDK_SOURCES)
	npm run build --silent --prefix sdk/node
	@touch $@

# The SDKs of others, unchanged, that the tests run against the gateway. An override keeps msgpackr-extract, optional far
# below one of them, at its last release that is there for every platform: npm ci refuses a lock without them all.
sdks: $(OLD_SDK)/.installed tests/sdks/node/node_modules/.package-lock.json

$(OLD_SDK)/.installed: tests/sdks/segment-2.3.4.lock $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --upgrade --target $(OLD_SDK) -r $<
	@touch $@

tests/sdks/node/node_modules/.package-lock.json: tests/sdks/node/package.json tests/sdks/node/package-lock.json
	npm ci --silent --no-audit --no-fund --prefix tests/sdks/node
	@touch $@

providers: tests/oidc/node_modules/.package-lock.json

tests/oidc/node_modules/.package-lock.json: tests/oidc/package.json tests/oidc/package-lock.json
	npm ci --silent --no-audit --no-fund --prefix tests/oidc
	@touch $@

# $(1): programs of which one must be there, $(2): the package that has it, $(3): what needs it
define need
	@for program in $(1); do command -v $$program > /dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $(2); \
	else \
		echo "$(3): sudo apt-get install $(2)" >&2; exit 1; \
	fi
endef

programs:
	$(call need,chromium chromium-browser google-chrome,chromium,The browser tests need Chromium)
	$(call need,java,openjdk-17-jre-headless,The Kafka tests need Java)
	$(call need,mvn,maven,The Kafka tests need Maven)
