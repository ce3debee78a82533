# Everything sets itself up: a virtual environment in .venv, this package in editable mode, the parts out of wheels.
PYTHON ?= python3
BIN := .venv/bin
KAFKA ?=
# Of tests: one more than processors, as tests wait much. Each starts servers of its own, 2 GB with Kafka, so no more than 4.
WORKERS ?= $(shell n=$$(($$(nproc) + 1)); echo $$((n > 4 ? 4 : n)))

UI := query/ui/dist/index.html

.PHONY: demo test check bench bench-agent ui clean

demo: .venv/demo $(UI)  ## the whole chain on real parts; KAFKA=1 puts Apache Kafka in between
	$(BIN)/weftline demo $(if $(KAFKA),--kafka) $(ARGS)

test: check  ## everything, against real ClickHouse, Kafka, Envoy and Chromium
	$(BIN)/python -m pytest --reruns 2 -raR -n $(WORKERS) --dist loadfile -m "socket or clickhouse or kafka or envoy or e2e or browser" $(ARGS)

check: .venv/dev $(UI)  ## format, lint, types, and the tests that need no service
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	mkdir -p build/tree/weftline
	for part in agent collector query deploy; do ln -sfn ../../../$$part build/tree/weftline/$$part; done
	$(BIN)/mypy -p weftline
	query/ui/build check
	$(BIN)/python -m pytest -m "not (socket or clickhouse or kafka or envoy or e2e or browser)"

ui: $(UI)  ## the pages, built into query/ui/dist

$(UI): $(shell find query/ui -not -path '*/node_modules*' -not -path '*/dist*' -type f) | .venv/demo
	query/ui/build

bench: .venv/dev  ## the figures of README
	$(BIN)/python -m bench

bench-agent: .venv/dev  ## the engine's tests and CPython's own suites, woven, on every Python 3.11 to 3.13 that is installed
	$(BIN)/python -m bench agent-suites

clean:
	rm -rf .venv build dist *.egg-info query/ui/dist query/ui/node_modules

.venv/demo: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[demo]'
	touch $@

.venv/dev: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@ .venv/demo
