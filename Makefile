# One vocabulary for people and CI. `make demo` and `make test` need only python3 (with venv) and make.
PYTHON ?= python3
VENV := .venv
# Most tests wait for something most of the time.
WORKERS ?= $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2))))
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-faults test-shares test-s3 test-systemd test-monitoring test-container check crash torture bench bench-scan bench-burst fmt lock simulate clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/.ready: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: $(VENV)/.ready ## make a clip, drop it, restyle it: no key, no network
	$(BIN)/reeldrop demo

test: $(VENV)/.ready ## run the tests
	$(BIN)/python -m pytest -n $(WORKERS)

# As root, with the Debian packages strace, e2fsprogs, mount and fuse3; FUSE also wants `pip install mfusepy`.
# What is not there is skipped, and the summary says why.
test-faults: $(VENV)/.ready ## let disks fill up and fail under the daemon: some minutes
	$(BIN)/python -m pytest -n 2 -m faults -rs --timeout 120 tests/faults

# As root on Debian; says which packages are missing. The shares live in User-Mode Linux: the host's own kernel needs nothing.
test-shares: $(VENV)/.ready ## real NFS 4.2 and SMB 3.1.1 shares under the daemon: some minutes; make test-shares SHARES="nfs"
	PYTHONPATH=tests $(BIN)/python -m shares.run $(SHARES)

# As root on Debian, with the packages ceph-mon, ceph-osd, radosgw and ceph-common.
test-s3: $(VENV)/.ready ## the object store tests against Ceph's RADOS Gateway: a minute or two
	PYTHONPATH=tests $(BIN)/python -m s3.run

# As root on Debian; says which packages are missing. Without a registry: CONTAINER="--python PREFIX", a Python 3.12 to make the base of.
test-container: $(VENV)/.ready ## the image, built from what is committed and run with podman: some minutes
	PYTHONPATH=tests $(BIN)/python -m container.run $(CONTAINER)

# With Debian's package prometheus, and Grafana's schema: .venv/bin/pip install 'grafana-foundation-sdk==1769699379!11.6.0'
test-monitoring: $(VENV)/.ready ## rules, scrape and dashboard in a real Prometheus and Grafana's schema: half a minute
	PYTHONPATH=tests $(BIN)/python -m monitoring.run

# As root on Debian; says which packages are missing. The first run makes a Debian 12 in /var/cache/reeldrop-tests and keeps it.
test-systemd: $(VENV)/.ready ## the units in a booted machine: installed, dropped into, reloaded, killed; a few minutes
	PYTHONPATH=tests $(BIN)/python -m systemd.run

check: $(VENV)/.ready ## lint, format, types, import contracts, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --level error
	$(BIN)/lint-imports
	$(BIN)/codespell daemon tests docs config README.md CHANGELOG.md Dockerfile
	$(BIN)/hadolint Dockerfile

crash: $(VENV)/.ready ## kill the daemon before and after every port call: some minutes
	PYTHONPATH=tests $(BIN)/python -m crash.walk
	PYTHONPATH=tests $(BIN)/python -m crash.walk --twins

torture: $(VENV)/.ready ## kill it at random under load: make torture TORTURE="--seed 7 --seconds 300 --kills 150"
	PYTHONPATH=tests $(BIN)/python -m crash.torture $(TORTURE)

# With boto3 in the environment it is a peer too: .venv/bin/pip install boto3
bench: $(VENV)/.ready ## what sending and fetching large files costs, beside curl and boto3
	$(BIN)/python benchmarks/transfers.py

bench-scan: $(VENV)/.ready ## what a scan of 100,000 kept files costs, beside a bare walk
	$(BIN)/python benchmarks/scan.py

bench-burst: $(VENV)/.ready ## how long 2,000 drops take that come in one breath
	$(BIN)/python benchmarks/burst.py

fmt: $(VENV)/.ready ## mend format and what lint can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

PIN := $(BIN)/pip-compile -q --upgrade --generate-hashes --strip-extras --allow-unsafe --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
lock: $(VENV)/.ready ## pin the requirements anew, with hashes and without an index address
	$(PIN) -o requirements.txt pyproject.toml
	$(PIN) --extra dev -o requirements-dev.txt pyproject.toml
	$(PIN) -c requirements-dev.txt --extra objectstore --extra notify -o config/container/requirements.txt pyproject.toml
	$(PIN) -c requirements-dev.txt --only-build-deps --build-deps-for wheel -o config/container/requirements-build.txt pyproject.toml

simulate: $(VENV)/.ready ## the stand-in of the API on its own
	$(BIN)/reeldrop simulate

clean: ## remove what the other targets made
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
