# SPDX-License-Identifier: GPL-3.0-or-later
# Every target works from a fresh clone with nothing prepared; `make help` explains.
.DEFAULT_GOAL := help
.PHONY: help up down check test drills bench docs clean

# More words for ansible-playbook (up, down) or pytest (check, test, drills): make up ARGS='--check --diff'
ARGS =
PART =
ONLY =

RUNTIME = .ci/packages && .ci/venv runtime
DEV = .ci/packages && .ci/venv dev
PYTEST = python -m pytest --tb=short --durations=15

help: ## this text
	@echo 'Seaworthy: bare hosts to a production Docker Swarm platform. Targets:'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Variables: ARGS="..." goes to ansible-playbook (up, down) or pytest (check, test, drills);'
	@echo '           PART=1/3 runs one part of the drills, ONLY=name those whose name contains it.'
	@echo 'State of the lab: $${XDG_STATE_HOME:-~/.local/state}/seaworthy; caches: $${XDG_CACHE_HOME:-~/.cache}/seaworthy; logs of tests: .logs'

up: ## three hosts on this machine and the example shop on them over HTTPS (again: changes nothing)
	@$(RUNTIME) ansible-playbook site.yml $(ARGS)

down: ## remove the lab: everything labelled as ours and only that; caches stay
	@$(RUNTIME) ansible-playbook playbooks/lab_down.yml $(ARGS)

check: ## before each commit: ruff, mypy, yamllint, unit tests, molecule scenarios whose roles changed (<= 8 min)
	@$(DEV) $(PYTEST) tests/lint/test_python.py tests/lint/test_yaml.py tests/unit tests/molecule --changed $(ARGS)

test: ## what CI runs: lint, unit, molecule, lab up, integration, smoke drills; leaves the machine as found
	@$(DEV) $(PYTEST) -v -m "not drill or smoke" tests $(ARGS)

drills: ## every row of every table on a running lab; writes docs/proof/ (PART=k/n, ONLY=name)
	@$(DEV) $(PYTEST) -v -m 'smoke or drill' tests/system --proof --part '$(PART)' --only '$(ONLY)' $(ARGS)

bench: ## ratios against a named baseline, measured in the same run on a running lab
	@$(DEV) env PYTHONPATH=.ansible/collections python -m tests.tools.bench $(ARGS)

docs: ## regenerate what is generated: role inputs, claims table, changelog is left to a release
	@$(DEV) env PYTHONPATH=.ansible/collections python -m tests.tools.settings --write
	@$(DEV) python -m tests.tools.role_readme --write
	@$(DEV) env PYTHONPATH=.ansible/collections python -m tests.tools.compose_doc --write
	@$(DEV) python -m tests.tools.claims --write

clean: ## remove what runs left in this checkout (not the lab, not the caches in your home)
	rm -rf .logs .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible/tmp .ansible/cp seaworthy-swarm-*.tar.gz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
