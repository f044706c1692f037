# `make demo` and `make test` are all a fresh machine needs; `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
JOBS ?= 2
export PYTHON

.PHONY: help demo test test-slow lint bench results venv clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## place a bundled design, about half a minute: out/demo/report.html
	@.ci/venv.sh run
	@$(PY) -m placer place synth130 --time 20s --output out/demo
	@echo "Open out/demo/report.html in a browser."

lint: ## ruff and mypy only
	@.ci/venv.sh dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

test: ## ruff, types on all packages, and the tests (JOBS=2 processes)
	@.ci/venv.sh dev
	@# Compiling once here spares every test process doing it; ruff and mypy run beside it.
	@$(PY) -m placer.warm & warm=$$!; $(MAKE) --no-print-directory lint || { kill $$warm; exit 1; }; wait $$warm
	@$(PY) -m pytest -n $(JOBS) --dist loadfile $(ARGS)

test-slow: ## long fuzzing and endurance tests
	@.ci/venv.sh dev
	@$(PY) -m pytest -n $(JOBS) -m slow $(ARGS)

bench: ## measure speed and quality, write docs/results (ARGS="--quick" for a short one)
	@.ci/venv.sh dev # with the peers it runs
	@$(PY) -m eval.bench $(ARGS)

results: ## measure everything README shows and write it there, hours (ARGS="--only open-ct" for one part)
	@.ci/venv.sh dev
	@$(PY) -m eval.readme --measure $(ARGS)

venv: ## only the environment, with the tools for development
	@.ci/venv.sh dev

clean: ## caches and outputs, not .venv
	rm -rf out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -print | xargs rm -rf

distclean: clean ## also .venv
	rm -rf .venv
