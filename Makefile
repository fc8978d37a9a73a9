# The verbs of this project. PYTHON=... chooses the interpreter, ARGS=... is handed on.
.PHONY: help run test check format bench bench-check gpu soak fuzz deb clean

HOURS ?= 2

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 20

run: ## install the daemon into .venv and start it here (ARGS="--lens thug-life")
	@scripts/environment.sh .venv demo
	@exec .venv/bin/lensd run $(ARGS)

test: ## everything CI runs: lint, types, layers, all tests (ARGS="tests/keeper")
	@scripts/environment.sh .venv-test demo,trainer,tensorrt-rtx,dev
	@PATH="$(CURDIR)/.venv-test/bin:$$PATH" scripts/check.sh
	@PATH="$(CURDIR)/.venv-test/bin:$$PATH" python -m pytest $(ARGS)

check: ## lint, types and layers only
	@scripts/environment.sh .venv-test demo,trainer,tensorrt-rtx,dev
	@PATH="$(CURDIR)/.venv-test/bin:$$PATH" scripts/check.sh

format: ## write the code as the formatter has it
	@scripts/environment.sh .venv-test demo,trainer,tensorrt-rtx,dev
	@.venv-test/bin/ruff check --quiet --fix . ; .venv-test/bin/ruff format .

bench: ## how fast the frame's path is here, in three minutes (ARGS="--quick")
	@scripts/environment.sh .venv-test demo,trainer,tensorrt-rtx,dev
	@.venv-test/bin/python bench/speed.py $(ARGS)

bench-check: ## the same against bench/budgets.toml, as ratios (ARGS=RESULT for a run that is there)
	@scripts/environment.sh .venv-test demo,trainer,tensorrt-rtx,dev
	@.venv-test/bin/python bench/check.py $(ARGS)

gpu: ## on a machine with an NVIDIA GPU: is it right, is it fast (ARGS="-k golden")
	@scripts/environment.sh .venv-test demo,trainer,tensorrt-rtx,dev
	@PATH="$(CURDIR)/.venv-test/bin:$$PATH" SNAPLENS_GPU=required python -m pytest -s tests/gpu $(ARGS)

soak: ## everyday for hours in the camera guest: switches, readers, deaths (HOURS=2)
	@scripts/environment.sh .venv-test demo,trainer,tensorrt-rtx,dev
	@SNAPLENS_GUEST=required SNAPLENS_SOAK_S=$$(echo $(HOURS) | awk '{print $$1 * 3600}') \
	PATH="$(CURDIR)/.venv-test/bin:$$PATH" python -m pytest tests/guest -k soak $(ARGS)

fuzz: ## hostile bytes into every parser, a minute each (ARGS=-max_total_time=600)
	@scripts/environment.sh .venv-fuzz fuzz
	@for each in tests/fuzz/*.py; do echo "$$each"; nice .venv-fuzz/bin/python -m "tests.fuzz.$$(basename "$$each" .py)" $(ARGS) || exit 1; done

deb: ## build the Debian package into dist/
	@scripts/environment.sh .venv-test demo,trainer,tensorrt-rtx,dev
	@.venv-test/bin/python scripts/build_deb.py dist

clean: ## remove the environments and whatever was built
	@rm -rf .venv .venv-test .venv-fuzz build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
