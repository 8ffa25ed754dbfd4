# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
LONGHORN ?= 1.12
NODES ?= 3
DISKS ?= 2
SCALE ?= 10
SCENARIO ?=
TREE := $(CURDIR)/.build/collections
READY := .venv/.ready
STATE ?= $(CURDIR)/.cache/simulator

# One environment for every command below: the tools of the virtual environment and the collection tree.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(TREE)
export ANSIBLE_COLLECTIONS_PATH := $(TREE)
export ANSIBLE_LOCALHOST_WARNING := False
export ANSIBLE_INVENTORY_UNPARSED_WARNING := False
export LONGHORN NODES DISKS SCALE SCENARIO KEEP

.PHONY: help setup test lint sanity unit integration molecule demo recording simulator benchmark crash-table fuzz check-conformance check-recording check-blockers check-verdicts check-backoff check-kills build clean

help: ## show this list
	@printf 'nodecare.longhorn: what can be made\n\n'
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  %-18s %s\n' "$$name" "$$text"; done

setup: $(READY) ## virtual environment in .venv with pinned tools, collection tree in .build

$(READY): requirements-dev.txt .ci/setup
	@PYTHON='$(PYTHON)' .ci/setup

test: $(READY) ## everything that has to hold: linters, sanity, unit, integration (stops at no failure, lists them last)
	@.ci/test

lint: $(READY) ## ruff, mypy, import contracts, yamllint, ansible-lint, antsibull-docs, antsibull-changelog
	@.ci/lint

sanity: $(READY) ## ansible-test sanity, without ignore entries
	@.ci/sanity

unit: $(READY) ## tests without a server
	@pytest -n 2 tests/unit

integration: $(READY) ## tests over HTTP against the simulator, and of the built collection
	@pytest -n 4 tests/integration

molecule: $(READY) ## [SCENARIO=drain_remove] [LONGHORN=1.12] scenarios with playbooks against a simulated cluster
	@.ci/molecule

demo: $(READY) ## [LONGHORN=1.12] [KEEP=1] drain a node and bring a lost image back, to watch
	@python -m tests.demo --longhorn '$(LONGHORN)' $(if $(KEEP),--keep)

recording: $(READY) ## the terminal during a drain of 40 images, into docs/drain-of-40-images.cast
	@python -m tests.demo.recording

simulator: $(READY) ## [LONGHORN=1.12] [NODES=3] [DISKS=2] [SCALE=10] [SCENARIO=demo] a cluster until Ctrl-C; prints its KUBECONFIG
	@exec python -m tests.simulator --longhorn '$(LONGHORN)' --nodes '$(NODES)' --disks '$(DISKS)' --scale '$(SCALE)' --state-dir '$(STATE)' $(if $(SCENARIO),--scenario '$(SCENARIO)')

benchmark: $(READY) ## [WHAT=plan|pods] the plan for 1,000 images on 100 nodes; 250 pods beside kubectl drain
	@python -m tests.benchmarks $(WHAT)

crash-table: $(READY) ## [ARGS="--all --brief"] drains, returns and cancels killed at every write, and what the next run makes of it
	@python -m tests.crash $(ARGS)

fuzz: $(READY) ## [ARGS="--seeds 0-200 --brief"] maintenances with random interference, by seed, and the rules that must hold
	@python -m tests.fuzz $(ARGS)

check-conformance: $(READY) ## FILE=... answers of a real kube-apiserver against the simulator's
	@$(if $(FILE),python -m tests.simulator.conformance '$(FILE)',echo 'say which: make check-conformance FILE=path/to/cases.json' >&2; exit 2)

check-recording: $(READY) ## DIR=... recordings of real Longhorn against the simulator
	@$(if $(DIR),python -m tests.simulator.recordings $(DIR),echo 'say which: make check-recording DIR=path/to/v1.12.1/a-recording' >&2; exit 2)

check-blockers: $(READY) ## DIR=... recordings of real Longhorn against the release rules of budgets
	@$(if $(DIR),python -m tests.check_blockers $(DIR),echo 'say which: make check-blockers DIR=path/to/v1.12.1/a-recording' >&2; exit 2)

check-verdicts: $(READY) ## DIR=... verdicts over the time of recordings, beside EXPECTED.md
	@$(if $(DIR),python -m tests.check_verdicts $(DIR),echo 'say which: make check-verdicts DIR=path/to/v1.12.1/a-recording' >&2; exit 2)

check-backoff: $(READY) ## DIR=... verdicts on the retries in recordings of real Longhorn, with the reasons
	@$(if $(DIR),python -m tests.check_backoff $(DIR),echo 'say which: make check-backoff DIR=path/to/v1.12.1/a-recording' >&2; exit 2)

check-kills: $(READY) ## [STEP='...'] fault plays killed at every step, and what is left after their deadline (half an hour)
	@python -m tests.check_kills $(if $(STEP),--step '$(STEP)')

build: $(READY) ## the collection's tarball, in .build
	@ansible-galaxy collection build --force --output-path .build .

clean: ## take away everything that was made here
	@rm -rf .venv .build .cache .ansible .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
