.DEFAULT_GOAL := help
.PHONY: help setup test-setup run test lint format docs screenshot bench clean

BIN := .venv/bin

help: ## Show these targets.
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## Environment and the system's packages; leaves .venv/bin/aurora.
	@installer/setup.sh run

run: setup ## Start Aurora (headless where there is no display).
	@installer/run.sh

test-setup:
	@installer/setup.sh test

test: test-setup ## Linters, types, architecture, then every test with coverage. ARGS goes to pytest.
	@installer/test.sh $(ARGS)

lint: test-setup ## Linters, types and architecture alone.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: test-setup ## Bring the code into shape.
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: test-setup ## Write docs/settings.md and the JSON Schema anew from the settings' schema.
	$(BIN)/python -m aurora_desktop.core.settings.reference

screenshot: test-setup ## Take the screenshot of the README on a virtual display.
	$(BIN)/python docs/screenshot.py

bench: test-setup ## Print the figures of the README (twenty minutes; ARGS=--quick for a trial).
	@installer/setup.sh bench
	$(BIN)/python benchmarks/supervisor.py $(ARGS)
	$(BIN)/python benchmarks/desktop.py $(ARGS)

clean: ## Remove the environment and all that was built.
	rm -rf .venv .agents build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
