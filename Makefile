# Each target sets up what it needs: an own .venv from the lock, nothing global.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check install --no-deps
DUCKDB2 := .duckdb2
BENCH := .bench
SERVICES := .services
AUDIT := .audit
SITE := .site
SQRUFF := $(BIN)/sqruff --parsing-errors
# They look at files, terminals and accounts, whatever the database.
NOT_DUCKDB := $(addprefix --ignore tests/storage/test_,other_users.py person.py printable.py)
SERVICE_TESTS := tests/flows/services tests/tasks/sources/services tests/tasks/notifications/services
TESTS := -n 2 --dist loadgroup $(addprefix --ignore ,$(SERVICE_TESTS))

.DEFAULT_GOAL := help
.PHONY: help run up test test-slow test-all test-duckdb2 test-services coverage lint audit outdated bench docs site lock clean

help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: $(VENV)/ready ## Set up, then run the whole pipeline once and print what it found
	$(BIN)/govpulse run

up: $(VENV)/ready ## Set up, then run everything on schedule, with the Prefect UI
	$(BIN)/govpulse up

test: $(VENV)/ready-dev ## Set up, then run the quick tests (3 minutes on two idle cores)
	@echo "left to make test-slow: what takes seconds a test; left to make test-services: what needs Chromium, PgBouncer, MariaDB or Alertmanager"
	$(BIN)/python -m pytest $(TESTS) -m "not campaign and not slow"

test-slow: $(VENV)/ready-dev ## Run the tests that take seconds each (tests/slow_tests.txt); PART=2/3 runs the second third of them
	$(BIN)/python -m pytest $(TESTS) -m "slow and not campaign" $(if $(PART),--part $(PART))

test-all: $(VENV)/ready-dev ## Run all tests, with the long crash campaigns
	$(BIN)/python -m pytest $(TESTS)

test-services: $(VENV)/ready-dev $(SERVICES)/ready ## Run the tests that need Chromium, PgBouncer, MariaDB or Alertmanager (apt installs them if missing)
	test -x /usr/bin/chromium -a -x /usr/sbin/pgbouncer -a -x /usr/bin/prometheus-alertmanager -a -x /usr/sbin/mariadbd \
		|| (apt-get update && apt-get install --yes --no-install-recommends chromium pgbouncer prometheus-alertmanager mariadb-server-core mariadb-client-core)
	PYTHONPATH=$(SERVICES) $(BIN)/python -m pytest $(SERVICE_TESTS)

test-duckdb2: $(VENV)/ready-dev $(DUCKDB2)/ready ## Run the tests that touch storage, on DuckDB 2.0
	PYTHONPATH=$(DUCKDB2) $(BIN)/python -m pytest tests/storage tests/tasks/insights/test_cases.py tests/tasks/alerts/test_engine.py tests/tasks/alerts/test_expressions.py $(TESTS) $(NOT_DUCKDB) -m "not campaign and not slow and not prefect"

coverage: $(VENV)/ready-dev ## Run the tests, slower, and show which lines they reach: at least 90 %
	$(BIN)/python -m pytest $(TESTS) -m "not campaign" --cov

lint: $(VENV)/ready-dev ## Check lint, format, types, import contracts and SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(SQRUFF) lint flows storage tasks benchmarks
	$(SQRUFF) --dialect postgres lint --disregard-sqruffignores $(shell find flows storage tasks -name '*.postgresql.sql')
	$(SQRUFF) --dialect mysql lint --disregard-sqruffignores $(shell find flows storage tasks -name '*.mysql.sql')
	$(SQRUFF) --dialect sqlite lint --disregard-sqruffignores $(shell find flows storage tasks -name '*.sqlite.sql')

audit: $(VENV)/ready $(AUDIT)/ready ## Compare the pinned dependencies with published advisories (needs the internet)
	PYTHONPATH=$(AUDIT) $(BIN)/python -m pip_audit --require-hashes --disable-pip --requirement requirements.lock

outdated: $(VENV)/ready-dev ## List the outdated dependencies (needs the package index)
	$(BIN)/pip --disable-pip-version-check list --outdated

bench: $(VENV)/ready-dev $(BENCH)/ready ## Run the benchmarks: collecting, extraction beside its peers, analytics, expertise, calibration (an hour)
	$(BIN)/python -m benchmarks.collection
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.collection_hour --minutes 6
	$(BIN)/python -m benchmarks.extraction --rows 5000000 --peers
	$(BIN)/python -m benchmarks.mysql
	$(BIN)/python -m benchmarks.unreadable_rows --rows 5000000
	$(BIN)/python -m benchmarks.analytics --rows 10000000
	$(BIN)/python -m benchmarks.expertise_scale --rows 100000000
	$(BIN)/python -m benchmarks.expertise
	$(BIN)/python -m benchmarks.anomalies
	$(BIN)/python -m benchmarks.anomalies_fleet
	$(BIN)/python -m benchmarks.calibration.intervals
	$(BIN)/python -m benchmarks.calibration.change_points
	$(BIN)/python -m benchmarks.calibration.stuck_scans
	$(BIN)/python -m benchmarks.calibration.scan_queues
	$(BIN)/python -m benchmarks.calibration.scan_limits
	$(BIN)/python -m benchmarks.calibration.scan_signs
	$(BIN)/python -m benchmarks.calibration.leaks
	$(BIN)/python -m benchmarks.calibration.anomaly_calendar
	$(BIN)/python -m benchmarks.calibration.disk_forecasts --runs 100
	$(BIN)/python -m benchmarks.calibration.habits
	$(BIN)/python -m benchmarks.calibration.cpu --weeks 4
	$(BIN)/python -m benchmarks.calibration.application_health --worlds 3
	$(BIN)/python -m benchmarks.calibration.correlations
	$(BIN)/python -m benchmarks.sample_incidents
	$(BIN)/python -m benchmarks.alerting
	$(BIN)/python -m benchmarks.matching
	$(BIN)/python -m benchmarks.prefect_growth --days 90
	$(BIN)/python -m benchmarks.backups
	$(BIN)/python -m benchmarks.soak --days 90

docs: $(VENV)/ready-dev ## Regenerate docs/tables.md, docs/settings.md and the schema of rules files
	$(BIN)/python docs/generate.py

site: $(VENV)/ready $(SITE)/ready ## Build the documentation as a site in site/; a broken link is an error
	PYTHONPATH=$(SITE):docs $(BIN)/python -m zensical build --strict --clean

lock: $(VENV)/ready-dev ## Resolve the dependencies again
	$(BIN)/python -m pip --quiet install uv
	$(BIN)/uv pip compile pyproject.toml --group build $(LOCK_OPTIONS) -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group build --group dev -c requirements.lock $(LOCK_OPTIONS) -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --group build --group dev --group bench -c requirements-dev.lock $(LOCK_OPTIONS) -o requirements-bench.lock
	$(BIN)/uv pip compile --group site -c requirements-dev.lock $(LOCK_OPTIONS) -o requirements-site.lock
	$(BIN)/uv pip compile --group services -c requirements-dev.lock $(LOCK_OPTIONS) -o requirements-services.lock
	$(BIN)/uv pip compile --group audit $(LOCK_OPTIONS) -o requirements-audit.lock

clean: ## Remove what setup and tests created; your data stay
	rm -rf $(VENV) $(DUCKDB2) $(BENCH) $(SERVICES) $(AUDIT) $(SITE) site .cache .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis

LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-strip-extras --no-header

$(VENV)/ready: requirements.lock pyproject.toml
	@echo "setting up $(VENV) from requirements.lock: once, some minutes"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "govpulse needs Python 3.11 or later; set PYTHON=python3.11")'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-build-isolation -e .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.lock
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(DUCKDB2)/ready: requirements-duckdb2.lock
	$(PIP) --require-hashes --target $(DUCKDB2) -r requirements-duckdb2.lock
	@touch $@

$(AUDIT)/ready: requirements-audit.lock
	$(PIP) --require-hashes --target $(AUDIT) -r requirements-audit.lock
	@touch $@

$(SITE)/ready: requirements-site.lock
	$(PIP) --require-hashes --target $(SITE) -r requirements-site.lock
	@touch $@

$(SERVICES)/ready: requirements-services.lock
	$(PIP) --require-hashes --target $(SERVICES) -r requirements-services.lock
	@touch $@

$(BENCH)/ready: requirements-bench.lock
	$(PIP) --require-hashes --target $(BENCH) -r requirements-bench.lock
	@touch $@
