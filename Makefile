# Needs Python 3.11 or newer, git and make; everything else is installed into .venv.
PYTHON ?= python3
ARGS ?=
PY := .venv/bin/python
PIP := -m pip --disable-pip-version-check --no-input -qq
# How both lock files are written.
LOCKED := --quiet --allow-unsafe --strip-extras --generate-hashes --annotation-style=line --no-emit-options \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host
# Output of the two test runs is kept apart where make can (GNU make 4 and newer).
APART := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help run test test-sqlite test-postgresql lint format browser drill bench prove pictures bundle audit audit-lock lock clean

help:  ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 18
	@echo 'Options are handed on in ARGS:  make run ARGS="--port 9000"   make test ARGS="-k complaint"'

run: .venv/.installed  ## start the program, with a demo group if its database is empty
	@.venv/bin/zhixing run --demo $(ARGS)

test: lint browser  ## lint, then every test on SQLite and PostgreSQL side by side
	@$(MAKE) --no-print-directory --keep-going --jobs=2 $(APART) test-sqlite test-postgresql

test-sqlite: .venv/.installed  ## every test, on SQLite
	@echo "== tests on SQLite"
	@$(PY) -m pytest --database sqlite $(ARGS)

test-postgresql: .venv/.installed  ## the tests that touch a database, on PostgreSQL
	@echo "== tests on PostgreSQL"
	@$(PY) -m pytest --database postgresql -m "not browser and not pure" -o cache_dir=.pytest_cache/postgresql $(ARGS)

lint: .venv/.installed  ## say what is wrong with the code's form
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --output-format=concise .

format: .venv/.installed  ## mend what lint finds, where that is safe
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

browser: .venv/.installed
	@$(PY) -m tests.browser

drill: .venv/.installed  ## the long forms of the tests of the house rules: a hundred kills on each database, many more worlds
	@for kind in sqlite postgresql; do echo "== drill on $$kind"; \
		ZHIXING_DRILL=1 $(PY) -m pytest --database $$kind -m "not browser" tests/house $(ARGS) || exit 1; done

bench: .venv/.installed  ## measure speed at three sizes on both databases
	@$(PY) -m bench $(ARGS)

prove: .venv/.installed  ## take every rule away in turn and see that a test notices
	@$(PY) -m tests.prove $(ARGS)

pictures: .venv/.installed browser  ## take the pictures of the README and docs/ from the running program
	@$(PY) -m tests.pictures

bundle: .venv/.installed  ## write an archive into dist/ that installs without a network, and try it
	@$(PY) .ci/bundle.py

audit: .venv/.installed build/audit/.installed  ## scanners over code, packages and the running program
	@$(PY) .ci/audit.py $(ARGS)

build/audit/.installed: .ci/audit.lock
	@$(PYTHON) -m venv build/audit
	@build/audit/bin/python $(PIP) install --no-compile --no-deps -r .ci/audit.lock
	@touch $@

audit-lock: build/lock  ## write .ci/audit.lock anew
	@CUSTOM_COMPILE_COMMAND="make audit-lock" build/lock/bin/pip-compile .ci/audit.in -o .ci/audit.lock $(LOCKED) $(ARGS)

lock: build/lock  ## write requirements.lock anew from setup.cfg; ARGS=--upgrade takes newer versions
	@CUSTOM_COMPILE_COMMAND="make lock" build/lock/bin/pip-compile setup.cfg -o requirements.lock \
		--all-extras --all-build-deps $(LOCKED) $(ARGS)

build/lock:
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python $(PIP) install pip-tools

clean:  ## remove what was installed and built; data in var/ stays
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# Touched last, so that an installation that was broken off is done again.
.venv/.installed: requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is not Python 3.11 or newer. Install one, or name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing into .venv ..."
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(PY) $(PIP) install --no-compile --no-deps -r requirements.lock
	@$(PY) $(PIP) install --no-compile --no-deps --no-build-isolation --editable .
	@touch $@
