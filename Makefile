# Every target installs what it needs first. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup sandbox test check bench peers faults format docs down

PYTHON ?= python3.11
VENV := .venv/bin
TOOLS := $(or $(SANDBOX_TOOLCHAIN),.toolchain)/bin
# Python keeps its compiled files: without them each run compiles the SDKs anew, which takes longer than the run.
unexport PYTHONDONTWRITEBYTECODE
APP := examples/crm
STAMPS := .venv/.installed .toolchain/.built $(APP)/functions/node_modules/.package-lock.json \
	$(APP)/backend/node_modules/.package-lock.json sandbox/functions_host/node_modules/.package-lock.json
WORKERS ?= 4

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

.venv/.installed: requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not installed"; echo "fix: install Python 3.11 or later, or name yours: make PYTHON=python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(VENV)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

.toolchain/.built: .venv/.installed sandbox/engine/go.mod sandbox/engine/toolchain.py
	$(VENV)/python -m sandbox.engine
	@mkdir -p .toolchain && touch $@

%/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null || { echo "error: npm is not installed"; echo "fix: install Node.js 20 or later, which includes npm"; exit 1; }
	npm ci --prefix $* --no-audit --no-fund --loglevel=error
	@touch $@

setup: $(STAMPS) ## install all that the other targets need

sandbox: setup ## run the demo on this machine, without any account; the sandbox keeps running
	@$(VENV)/python -m sandbox demo

down: setup ## stop the sandbox; its state is kept
	@$(VENV)/python -m sandbox down

test: setup ## every layer of tests
	$(VENV)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: setup ## format, lint, types, workflows
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/basedpyright
	$(TOOLS)/actionlint
	$(VENV)/zizmor --offline --quiet --persona pedantic .github

bench: setup ## requests, deployments and seconds, one `name value` a line
	@$(VENV)/python -m sandbox bench

peers: sandbox/peers/node_modules/.package-lock.json ## install firebase-tools, with which tests and bench compare

faults: setup ## every request of an up failing in every way, one by one; how many cases, how many failures
	@$(VENV)/python -m tests.conformance.fault_matrix

docs: .venv/.installed ## write the generated parts of Pulumi.yaml, docs/settings.md and docs/limits.md
	@$(VENV)/python -m settings.reference
	@$(VENV)/python -m checkout.trigger_reference

format: setup ## format, and fix what the linter can
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .
