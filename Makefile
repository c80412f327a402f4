# Two commands: `make book` and `make test`. Plain GNU make 3.81 is enough. `make help` lists the rest.

SHELL := /bin/bash
EDITION ?=
BOOK_ARGS ?=

# An active conda environment made from environment.yml is used as it is; else a virtual environment is made, here or
# where REPRO_ENV says: outside of a checkout that is cleaned it outlives the cleaning.
CONDA_NAME := $(shell sed -n 's/^name: *//p' environment.yml)
ifeq ($(CONDA_DEFAULT_ENV),$(CONDA_NAME))
  ENV := $(CONDA_PREFIX)
  CONDA := yes
else
  ENV := $(or $(REPRO_ENV),.venv)
endif
ifneq ($(words $(ENV)),1)
  $(error the environment's folder, $(ENV), has a blank in its path: name another one in REPRO_ENV)
endif
STAMP := $(ENV)/.repro-installed
PYTHON := $(ENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input

export PIP_ROOT_USER_ACTION := ignore
# Container images often forbid bytecode files; every import of torch would be compiled again, twice as slow.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help env book render test test-gpu check-pages check-links require-cuda rehearse-ci lock clean
.DEFAULT_GOAL := help

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "  make %-13s %s\n", $$1, $$2 }'

book: $(STAMP) ## Execute the notebooks and build the site (or one edition: EDITION=esc10, BOOK_ARGS="--only PAGE")
	@$(ENV)/bin/repro book $(if $(EDITION),--edition $(EDITION)) $(BOOK_ARGS)

render: $(STAMP) ## Build the HTML from notebooks that were executed before, perhaps elsewhere
	@$(ENV)/bin/repro book $(if $(EDITION),--edition $(EDITION)) --no-execute

test: $(STAMP) ## Lint, format check, types, tests
	@$(ENV)/bin/ruff check
	@$(ENV)/bin/ruff format --check
	@$(ENV)/bin/mypy
	@$(ENV)/bin/lint-imports
	@$(PYTHON) -m pytest -n logical --maxprocesses 4 --dist loadfile

check-pages: $(STAMP) ## Open every page of the built site (or of one edition) in headless Chromium
	@$(PYTHON) -m pytest tests/browser $(if $(EDITION),--edition $(EDITION))

test-gpu: $(STAMP) ## The tests that need a CUDA device; where there is none they are skipped and say so
	@$(PYTHON) -m pytest tests/gpu -rs

require-cuda: $(STAMP) ## Fail unless PyTorch sees a CUDA device
	@$(PYTHON) -c "import sys, torch; \
	  print(torch.cuda.get_device_name()) if torch.cuda.is_available() else sys.exit('no CUDA device')"

rehearse-ci: $(STAMP) ## Run the steps of the workflows here, on the CPU with a tiny book, and each way they can fail
	@$(PYTHON) tests/ci/rehearsal.py

check-links: ## Ask every address that pages and documentation name whether it answers
	@.ci/links README.md CONTRIBUTING.md CITATION.cff book/*.py book/*.md book/*.bib

env: $(STAMP) ## Install the environment only

# Not compiled: Python compiles what it imports, a small part of it, by itself. pip's hundreds of lines become one.
PROGRESS = /^Collecting/ { printf "\r  %3d %-50.50s", ++n, $$2; fflush() } \
  /^Installing collected/ { printf "\r  unpacking what was fetched %-40s\n", "" }

# The stamp is written last, so that a half-finished installation does not count as done.
$(STAMP): requirements.lock pyproject.toml
	@command -v git >/dev/null || { \
	  echo "git is missing: install it (Debian, Ubuntu: apt install git; macOS: xcode-select --install)" >&2; exit 1; }
	@fits() { "$$1" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))" 2>/dev/null; }; \
	if [ -n "$(CONDA)" ] || { fits $(ENV)/bin/python && $(ENV)/bin/python -m pip --version >/dev/null 2>&1; }; then \
	  exit 0; \
	fi; \
	for name in python3.12 python3.11 python3; do \
	  if fits "$$name"; then found=$$name; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.11 or 3.12 is missing: install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.12)" >&2; \
	  exit 1; \
	fi; \
	if ! "$$found" -c "import ensurepip, venv" 2>/dev/null; then \
	  echo "$$found has no venv module: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; \
	fi; \
	if [ "$(ENV)" != .venv ] && [ -e $(ENV) ] && [ ! -e $(ENV)/pyvenv.cfg ]; then \
	  echo "REPRO_ENV=$(ENV) is there and no virtual environment: name a folder that is not there yet" >&2; exit 1; \
	fi; \
	if [ -e $(ENV) ]; then echo "Replacing $(ENV), which is not a sound one of Python 3.11 or 3.12"; fi; \
	rm -rf $(ENV); \
	echo "Making $(ENV) with $$("$$found" --version)"; \
	"$$found" -m venv $(ENV)
	@rm -f $@
	@echo "Installing the locked packages into $(ENV): about 6 GB with PyTorch, a few minutes, once."
	@set -o pipefail; $(PIP) install --no-compile --require-hashes -r requirements.lock | awk '$(PROGRESS)'
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

lock: ## Make requirements.lock again from pyproject.toml (needs uv; LOCK_ARGS=--upgrade: with the newest versions)
	@command -v uv >/dev/null || { echo "uv is missing: pip install uv" >&2; exit 1; }
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet $(LOCK_ARGS) -o requirements.lock

clean: ## Remove the built books; keeps the environment and the trained runs
	@rm -rf _build
