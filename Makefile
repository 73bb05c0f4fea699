# make demo     installs charlstm, samples the Portuguese model, then trains, samples and probes a model: about three minutes
# make test     installs charlstm and runs the tests, but for those that take several seconds each: five minutes on two cores
# make slow     runs the tests that `make test` leaves out
# make check    checks style, types and the order of imports; names modules that have grown long
# make coverage runs both and fails unless they take every branch of the code that reads and writes files
# make lowest   runs the tests of `make test` with the lowest versions that pyproject.toml allows, in a virtual environment of their own;
#               LOWEST_TORCH=2.13.0 if that torch is not available, PYTHON=python3.13 for another Python
# make soak     runs the long tests: kills, signals, damaged files, untrained networks, a training; half an hour
# make gpu      measures a graphics card in eight minutes: tests, speed beside cuDNN, sampling, a training, memory; all goes into
#               OUT=gpu.json. BIN=/usr/bin takes the Python there and installs nothing; TEXT=input.txt is what it trains on;
#               DEVICE=cpu QUICK=1 tries its parts on the processor
# make docs     builds the documentation as a web site in site/, in a virtual environment of its own; fails if a link is broken
# make docs-cli writes docs/cli.md from the command line itself
# make pictures draws the pictures in docs/pictures
# make lexicon LEXICON=folder    compares the Portuguese word lists with a lexicon

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test slow check check-page coverage lowest soak gpu docs docs-cli pictures lexicon clean

$(READY): pyproject.toml tests/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint tests/constraints.txt --editable '.[test]'
	@touch $(READY)

TRAIN_DEMO := corpora/agreement-pt.txt --steps 1500 --batch-size 64 --hidden-size 256 --memory 150

demo: $(READY)
	@rm -rf checkpoints/demo
	@echo '$$ charlstm sample --checkpoint portuguese --prompt "Era uma noite" --temperature 0.5 --length 300 --seed 1'
	@$(BIN)/charlstm sample --checkpoint portuguese --prompt "Era uma noite" --temperature 0.5 --length 300 --seed 1
	@echo
	@echo '$$ charlstm train $(TRAIN_DEMO) --out checkpoints/demo'
	@$(BIN)/charlstm train $(TRAIN_DEMO) --out checkpoints/demo
	@echo '$$ charlstm sample --length 400 --seed 1'
	@$(BIN)/charlstm sample --length 400 --seed 1
	@echo
	@echo '$$ charlstm probe'
	@$(BIN)/charlstm probe

TESTS := -m pytest -n 2 --dist loadfile
test: $(READY)
	$(BIN)/python $(TESTS) -m "not slow"

slow: $(READY)
	$(BIN)/python $(TESTS) -m slow

coverage: $(READY)
	$(BIN)/python $(TESTS) --cov

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/lint-imports
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory check-page; \
	else echo "the page's scripts are not checked: there is no npm here"; fi
	@find charlstm -name '*.py' -exec wc -l {} + | awk '$$2 != "total" && $$1 > 400 {print "warning: " $$2 " has " $$1 " lines: is it still one idea?"}'

# the page of `charlstm view`: types, lint, and the bytes of its kernel
PAGE_TOOLS := tests/view/node_modules/.ready
$(PAGE_TOOLS): tests/view/package-lock.json
	cd tests/view && npm ci --silent --no-audit --no-fund
	@touch $(PAGE_TOOLS)

check-page: $(PAGE_TOOLS)
	cd tests/view && npm run --silent types && npm run --silent lint && npm run --silent kernel

LOWEST := .venv-lowest
LOWEST_TORCH ?=
lowest:
	$(PYTHON) -m venv --clear $(LOWEST)
	$(PYTHON) tests/lowest.py $(if $(LOWEST_TORCH),torch==$(LOWEST_TORCH)) > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOWEST)/constraints.txt --editable '.[test]'
	$(LOWEST)/bin/python $(TESTS) -m "not slow"

soak: $(READY)
	SOAK=1 $(BIN)/python -m pytest -n 2 --dist load --maxschedchunk 1 -rP \
		$(addprefix tests/test_,interruptions.py attacks.py bounded.py children.py compiling.py distributed.py probe_soak.py statistics.py strangers.py)

# its tools are those of the extra `docs` in pyproject.toml; the package itself is not needed, so neither is PyTorch
DOCS := .venv-docs
docs: $(DOCS)/.ready
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict
	@echo 'site/index.html'

$(DOCS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DOCS)
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' > $(DOCS)/requirements.txt
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(DOCS)/requirements.txt
	@touch $@

# PyTorch is enough for all but the tables and the tests; with a BIN of your own nothing is installed
OUT := gpu.json
DEVICE := cuda
QUICK :=
TEXT :=
gpu: $(if $(filter $(VENV)/bin,$(BIN)),$(READY))
	@PYTHONPATH="$(CURDIR)$${PYTHONPATH:+:$$PYTHONPATH}" $(firstword $(wildcard $(BIN)/python $(BIN)/python3) $(BIN)/python) \
		-m charlstm.cli.gpu --out "$(OUT)" --device $(DEVICE) $(if $(TEXT),--text "$(TEXT)") $(if $(QUICK),--quick)

docs-cli: $(READY)
	$(BIN)/python -m charlstm.cli.reference > docs/cli.md

SENTENCE := A menina que o João viu está cansada.
pictures: $(READY)
	$(BIN)/charlstm explain "$(SENTENCE)" --checkpoint portuguese --width 80 --svg docs/pictures/gates.svg
	$(BIN)/charlstm explain gradient --figure docs/pictures/gradient.svg
	$(BIN)/charlstm explain distance --figure docs/pictures/distance.svg
	$(BIN)/charlstm forecast corpora/airline.csv --backtest 29 --quiet --figure docs/pictures/forecast.svg >/dev/null
	$(BIN)/python tests/view/pictures.py docs/pictures
	$(BIN)/python docs/quality_picture.py docs/pictures

lexicon: $(READY)
	$(BIN)/python corpora/check_lexicon.py $(LEXICON)

clean:
	rm -rf $(VENV) $(LOWEST) $(DOCS) site build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
