# The whole interface of the project. Every verb sets up what it needs; a second run skips what is done.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
STAMPS := build/stamps
RECORDINGS ?=

export DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false
export OMP_NUM_THREADS ?= 1

PYTHON_STAMP = $(STAMPS)/python-$(shell cat pyproject.toml constraints.txt | sha256sum | cut -c1-16)
NATIVE_SOURCES = $(shell find native -name '*.cpp' -o -name '*.hpp' -o -name CMakeLists.txt)
DBT_SOURCES = $(shell find dbt -type f)

.PHONY: help setup native services judges demo check test cpp-test slow bench fuzz torture dagster docs clean

help:  ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMPS)/dbt  ## set up everything (virtual environment, C++ core, dbt manifest)

$(STAMPS)/system:
	@mkdir -p $(STAMPS)
	@bash native/install_system_packages.sh
	@touch $@

$(PYTHON_STAMP): | $(STAMPS)/system
	@echo "setup: Python packages into .venv (some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install -q --progress-bar on --disable-pip-version-check -c constraints.txt \
	  scikit-build-core pybind11 ninja numpy 2>&1 | grep -v '^WARNING: Location' || true
	@set -o pipefail; $(BIN)/pip install -q --progress-bar on --disable-pip-version-check -c constraints.txt \
	  --no-build-isolation -e '.[dev]' 2>&1 | { grep -v '^WARNING: Location' || true; }
	@rm -f $(STAMPS)/python-* && touch $@ $(STAMPS)/native

$(STAMPS)/native: $(NATIVE_SOURCES) | $(PYTHON_STAMP)
	@echo "setup: C++ core"
	@set -o pipefail; $(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . 2>&1 \
	  | { grep -v '^WARNING: Location' || true; }
	@touch $@

native: $(STAMPS)/native  ## build the C++ core into the environment

$(STAMPS)/dbt: $(DBT_SOURCES) | $(STAMPS)/native
	@echo "setup: dbt manifest"
	@$(BIN)/python -m orchestration parse-dbt
	@touch $@

services: setup  ## what tests need beside: InfluxDB and PostgreSQL below build/services, a browser
	@bash native/install_test_services.sh

judges:  ## what judges the emulator: the venues' clients that others wrote, each in an environment below build/judges
	@PYTHON=$(PYTHON) bash native/install_judges.sh

demo: setup  ## generate, learn, record and trade live on emulated venues (ARGS=--clean); or RECORDINGS=folder
	@$(BIN)/trader demo $(if $(RECORDINGS),--recordings $(RECORDINGS)) $(ARGS)

check: setup  ## format, lint, types, import contracts, SQL
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run --Werror $$(find native -name '*.cpp' -o -name '*.hpp')
	$(BIN)/sqlfluff lint -q dbt/models dbt/macros

build/cpp/lob_tests: $(NATIVE_SOURCES) | $(PYTHON_STAMP)
	@cmake -S native -B build/cpp -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DLOB_TESTS=ON > build/cpp-configure.log \
	  || { cat build/cpp-configure.log; exit 1; }
	@cmake --build build/cpp --target lob_tests

cpp-test: build/cpp/lob_tests  ## C++ tests
	ctest --test-dir build/cpp --output-on-failure

test: check cpp-test services judges  ## check, C++ tests, pytest
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

slow: services judges  ## the tests that take minutes
	$(BIN)/pytest -m slow

bench: services  ## timing figures, printed, kept in build/bench, and never asserted
	$(BIN)/pytest -m bench -s

fuzz: setup  ## mutated frames against the decoders, under address and undefined-behaviour sanitizers
	@cmake -S native -B build/fuzz -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DLOB_FUZZ=ON > /dev/null
	@cmake --build build/fuzz --target decode_fuzz
	build/fuzz/decode_fuzz

torture: services build/cpp/lob_tests  ## randomised and long tests, a million recorded frames among them (half an hour)
	LOB_TORTURE=1 build/cpp/lob_tests --test-case="torture*"
	$(BIN)/pytest -m torture

dagster: setup  ## the Dagster UI on port 3000
	@$(BIN)/python -m orchestration dagster

clean:  ## remove builds and caches; the environment and data/ stay
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
