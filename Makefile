# SPDX-License-Identifier: MIT
# make run     the main thing: one guest with its ROM and without, side by side; then on every hypervisor usable here
# make test    everything that must hold
# make setup   .venv/bin/openvmi and nothing else
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

ROMS := $(patsubst roms/%/rom.toml,build/roms/%.rom,$(wildcard roms/*/rom.toml))
GUESTS := $(patsubst kernels/%/guest.toml,build/guests/%.elf,$(wildcard kernels/*/guest.toml))
# What openvmi bench xen compares with: the same kernel with its own code for Xen.
DIRECT := build/guests/bench-xen-direct.elf
HEADERS := $(wildcard libvmi/include/vmi/*.h)
LIBVMI := $(shell find libvmi -type f)
TOOL := src/openvmi/toolchain.py $(wildcard src/openvmi/abi/*.py)

.PHONY: build run test test-xl setup check wheel bench clean
build: $(ROMS) $(GUESTS) $(DIRECT)

run: build
	@$(BIN)/openvmi compare hello
	@$(BIN)/openvmi matrix hello

test: build check
	@tools/system-packages
	$(BIN)/python -m pytest

# Guests as domains of their own on a Xen host with a Linux, which is fetched by apt.
test-xl: build
	$(BIN)/python -m pytest tests/hypervisors/xen/host/campaign.py

check: setup
	$(BIN)/openvmi abi check
	$(BIN)/ruff check --output-format concise .
	$(BIN)/mypy

wheel: build
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

bench: build
	$(BIN)/python benchmarks/spine.py
	$(BIN)/python benchmarks/native.py
	$(BIN)/openvmi bench xen

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "OpenVMI needs Python 3.11 or newer as $(PYTHON); name another with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "no virtual environment could be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[build,test]'
	@touch $@

.SECONDEXPANSION:
build/roms/%.rom: $$(shell find roms/$$* -type f) $(HEADERS) $(TOOL) $(wildcard src/openvmi/rom/*) | $(READY)
	$(BIN)/openvmi rom build $*

build/guests/%.elf: $$(shell find kernels/$$* kernels/common -type f) $(LIBVMI) $(TOOL) $(wildcard src/openvmi/guest/*.py) | $(READY)
	$(BIN)/openvmi guest build $*

$(DIRECT): $(shell find kernels/bench kernels/common contrib/xen-direct roms/xen -type f) $(LIBVMI) $(TOOL) $(wildcard src/openvmi/guest/*.py) | $(READY)
	$(BIN)/openvmi guest build bench --with contrib/xen-direct

clean:
	rm -rf build dist .venv .pytest_cache .ruff_cache .hypothesis .mypy_cache
