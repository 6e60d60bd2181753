# `make demo` and `make test` do everything on a fresh Debian or Ubuntu machine; see README.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin

.PHONY: help demo setup setup-dev check format test test-all clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup:  ## .venv with edgeml, and the system packages it drives
	@scripts/setup

setup-dev:  ## the same with the developers' tools
	@scripts/setup --dev

demo: setup  ## convert, quantize, score, run and profile a real model; writes demo/report.html
	@scripts/demo

check: setup-dev  ## format, lint and types, over everything
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup-dev  ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: setup-dev  ## all but the slow tests, with real aarch64 inferences under emulation
	$(BIN)/python -m pytest -n 2

test-all: setup-dev  ## the slow tests too
	$(BIN)/python -m pytest -n 2 --slow

clean:  ## remove what the targets above made in this folder
	rm -rf .venv demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
