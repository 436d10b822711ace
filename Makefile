# Everything runs in .venv, which the first target that needs it creates and fills.
# PYTHON=python3.12 make test   uses that interpreter;   make test ARGS="-k path -x"

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
KERNELS := setup.py pyproject.toml $(wildcard csrc/*) \
	$(shell find fastl1 -name '*.pyx' -o -name '*.pxd')

.PHONY: help demo test lint bench bench-gate bench-peers bench-inference sanitize debug fuzz clean

help:
	@echo "make demo         fit, inspect and apply a model of the example data"
	@echo "make test         run the tests (ARGS=... goes to pytest)"
	@echo "make lint         ruff, cython-lint, mypy"
	@echo "make bench        asv benchmarks of this commit"
	@echo "make bench-gate   instructions of this tree against a commit's (ARGS='--base REV')"
	@echo "make bench-peers  fastl1 and the installed peers at equal certified gap"
	@echo "make bench-inference  prediction beside SciPy, MKL, NumPy, ONNX Runtime"
	@echo "make sanitize     kernel tests under AddressSanitizer and UBSan"
	@echo "make debug        kernel tests with bounds checks on"
	@echo "make fuzz         certificates of 10 000 hard random problems (COUNT=...)"
	@echo "make clean        remove what the above made, but benchmark results"

# Installed with one extra, in development mode: a changed Python file is in effect at
# once, a changed kernel is compiled when the next target runs.
$(VENV)/ready-%: $(KERNELS)
	@$(PYTHON) tools/check_machine.py
	@echo "Installing fastl1[$*] into $(VENV) ..."
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) tools/requirements.py > $(VENV)/requirements.txt
	@$(PIP) -r $(VENV)/requirements.txt
	@$(PIP) --no-build-isolation -e ".[$*]"
	@touch $@

demo: $(VENV)/ready-cli
	$(VENV)/bin/fastl1 fit examples/flights.csv.gz --target arr_delay --time time_hour \
		--out examples/out
	$(VENV)/bin/fastl1 inspect examples/out --top 5
	$(VENV)/bin/fastl1 predict examples/out examples/flights.csv.gz \
		--out examples/out/predictions.csv

test: $(VENV)/ready-test
	@$(PY) -m pytest $(ARGS)

lint: $(VENV)/ready-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	PATH="$(VENV)/bin:$$PATH" cython-lint $(filter %.pyx %.pxd,$(KERNELS))
	$(VENV)/bin/mypy

# ARGS="--quick HEAD^!" is what CI runs; asv builds commits in environments of its own
bench: $(VENV)/ready-bench
	cd asv_bench && ../$(VENV)/bin/asv machine --yes
	cd asv_bench && ../$(VENV)/bin/asv run $(or $(ARGS),HEAD^!)

# needs valgrind; says so and ends well where there is none
bench-gate: $(VENV)/ready-bench
	$(PY) -m benchmarks.gate run $(ARGS)

bench-peers: $(VENV)/ready-bench
	$(PY) -m benchmarks.peers $(ARGS)

bench-inference: $(VENV)/ready-bench-inference
	$(PY) -m benchmarks.inference $(ARGS)

sanitize debug: $(VENV)/ready-test
	bash tools/checked_build.sh $@

COUNT ?= 10000
fuzz: $(VENV)/ready-test
	FASTL1_FUZZ=$(COUNT) $(PY) -m pytest tests/kernels/test_fuzz.py -s $(ARGS)

clean:
	rm -rf $(VENV) .venv-* build dist *.egg-info examples/out
	find fastl1 -name '*.so' -delete
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis
	rm -rf asv_bench/env benchmarks/peers/envs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
