# SPDX-License-Identifier: MIT
# make run     the main thing: one guest with its ROM and without, side by side; then on every hypervisor usable here
# make test    everything that must hold
# make setup   .venv/bin/openvmi and nothing else
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# A folder gives one ROM of its name, or one for each variant that its rom.toml names.
VARIANTS = $(shell sed -n 's/^\[variant\.\([^]]*\)\].*/\1/p' $(1))
WITH_VARIANTS := $(foreach toml,$(wildcard roms/*/rom.toml),$(if $(call VARIANTS,$(toml)),$(toml)))
ROMS := $(patsubst roms/%/rom.toml,build/roms/%.rom,$(filter-out $(WITH_VARIANTS),$(wildcard roms/*/rom.toml))) \
	$(foreach toml,$(WITH_VARIANTS),$(patsubst %,build/roms/%.rom,$(call VARIANTS,$(toml))))
# Kernels that Linux's boot protocol starts are files of another format.
BZIMAGES := $(patsubst kernels/%/guest.toml,build/guests/%.bzimage,$(shell grep -ls '^format *= *"bzimage"' kernels/*/guest.toml))
GUESTS := $(filter-out $(BZIMAGES:.bzimage=.elf),$(patsubst kernels/%/guest.toml,build/guests/%.elf,$(wildcard kernels/*/guest.toml))) \
	$(BZIMAGES)
# The conformance kit has a folder of kernels: conform/mmu makes conform-mmu.
NESTED := $(patsubst kernels/%/guest.toml,%,$(wildcard kernels/*/*/guest.toml))
NESTED_GUESTS := $(foreach kernel,$(NESTED),build/guests/$(subst /,-,$(kernel)).elf)
# What openvmi bench xen compares with: the same kernel with its own code for Xen.
DIRECT := build/guests/bench-xen-direct.elf
# The program that runs guests as processes.
RUNNER := build/runner/linux
RUNNER_SOURCES := src/openvmi/hypervisors/linux/runner
# What openvmi bench linux compares with.
PROGRAM := build/programs/times
HEADERS := $(wildcard libvmi/include/vmi/*.h)
LIBVMI := $(shell find libvmi -type f)
TOOL := src/openvmi/toolchain.py $(wildcard src/openvmi/abi/*.py)
ROM_TOOL := $(TOOL) src/openvmi/__init__.py $(wildcard src/openvmi/rom/* src/openvmi/classic/*.py)

# Made when the kit's kernels have tests for every call of the interface.
COVERED := build/guests/.conform-covered

.PHONY: build run test test-xl conform mutants starts fuzz setup check wheel bench clean
build: $(ROMS) $(GUESTS) $(DIRECT) $(RUNNER) $(PROGRAM) $(COVERED)

run: build
	@$(BIN)/openvmi compare hello
	@$(BIN)/openvmi matrix hello

test: build check
	@tools/system-packages
	$(BIN)/python -m pytest

# Guests as domains of their own on a Xen host with a Linux, which is fetched by apt.
test-xl: build
	$(BIN)/python -m pytest tests/hypervisors/xen/host/campaign.py

# A guest as processes, started and stopped a thousand times: nothing may be left.
starts: build
	OPENVMI_STARTS=1000 $(BIN)/python -m pytest tests/hypervisors/linux/test_linux_killed.py -k starts

# The contract, call by call, on everything that is usable here.
conform: build
	$(BIN)/openvmi conform --on all

# A million hostile inputs and more to whatever reads bytes of others, a quarter of an hour; FUZZ="rom --seconds 3600" for
# one target and longer. The tests do a few thousand of each.
fuzz: build
	$(BIN)/python -m tests.fuzz.campaign $(FUZZ)

# Copies of the ROMs with one thing made wrong in each: does the contract's kit notice?
mutants: build
	$(BIN)/openvmi conform --mutants tests/conformance/mutants

check: setup
	$(BIN)/openvmi abi check
	$(BIN)/ruff check --output-format concise .
	$(BIN)/mypy

wheel: build
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

bench: build
	$(BIN)/python -m benchmarks.spine
	$(BIN)/python benchmarks/native.py
	$(BIN)/openvmi bench xen
	$(BIN)/openvmi bench classic
	$(BIN)/openvmi bench linux
	$(BIN)/python -m benchmarks.trust
	$(BIN)/python -m benchmarks.audit

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "OpenVMI needs Python 3.11 or newer as $(PYTHON); name another with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "no virtual environment could be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[build,fuzz,test]'
	@touch $@

.SECONDEXPANSION:
define VARIANT_RULE
build/roms/$(2).rom: $(shell find $(1) -type f) $(HEADERS) $(ROM_TOOL) | $(READY)
	$(BIN)/openvmi rom build $(1) --variant $(2)
endef
$(foreach toml,$(WITH_VARIANTS),$(foreach variant,$(call VARIANTS,$(toml)),\
	$(eval $(call VARIANT_RULE,$(patsubst %/,%,$(dir $(toml))),$(variant)))))

build/roms/%.rom: $$(shell find roms/$$* -type f) $(HEADERS) $(ROM_TOOL) | $(READY)
	$(BIN)/openvmi rom build $*

define NESTED_RULE
build/guests/$(subst /,-,$(1)).elf: $(shell find kernels/$(1) kernels/$(dir $(1))common kernels/common -type f) \
		$(LIBVMI) $(TOOL) $(wildcard src/openvmi/guest/*.py) | $(READY)
	$(BIN)/openvmi guest build $(1)
endef
$(foreach kernel,$(NESTED),$(eval $(call NESTED_RULE,$(kernel))))

$(COVERED): $(NESTED_GUESTS) $(TOOL) $(wildcard src/openvmi/conformance/*.py)
	$(BIN)/openvmi conform --check
	@touch $@

build/guests/%.elf: $$(shell find kernels/$$* kernels/common -type f) $(LIBVMI) $(TOOL) $(wildcard src/openvmi/guest/*.py) | $(READY)
	$(BIN)/openvmi guest build $*

build/guests/%.bzimage: $$(shell find kernels/$$* kernels/classic -type f) $(HEADERS) $(TOOL) $(wildcard src/openvmi/guest/*.py) | $(READY)
	$(BIN)/openvmi guest build $*

$(DIRECT): $(shell find kernels/bench kernels/common contrib/xen-direct roms/xen -type f) $(LIBVMI) $(TOOL) $(wildcard src/openvmi/guest/*.py) | $(READY)
	$(BIN)/openvmi guest build bench --with contrib/xen-direct

$(RUNNER): $(shell find $(RUNNER_SOURCES) -type f) roms/linux/private.h $(HEADERS) $(TOOL) \
		src/openvmi/hypervisors/linux/build.py | $(READY)
	$(BIN)/python -m openvmi.hypervisors.linux.build

$(PROGRAM): $(wildcard benchmarks/times/* kernels/times/work.*) $(TOOL) src/openvmi/bench/times/build.py | $(READY)
	$(BIN)/python -m openvmi.bench.times.build

clean:
	rm -rf build dist .venv .pytest_cache .ruff_cache .hypothesis .mypy_cache
