# SPDX-License-Identifier: Apache-2.0
# `make check` proves the product; each suite is also a target of its own (check-unit, check-e2e, ...).
# tests/run runs them, each with a time limit in seconds, and counts their cases: the build first, and then lanes
# beside each other: what computes, what waits for grids, for browsers, and what breaks things or looks for what is
# broken inside. After a gate ("!") that fails nothing else is run.

JOBS   ?= $(shell nproc)
# What needs no root is run as an ordinary user, also when root calls.
AS_USER := tests/support/unprivileged

SUITES := build:900! \
	-- checks:180 unit:600 groups:150 fuzz:900 sim:600 store:600 clang:900 \
	-- web:900 e2e:1500 \
	-- slurm:400 browser:1500 \
	-- faults:900 planted:1200 demo:300 san:1500 http:600

.PHONY: check
check: deps
	@MAKE="$(MAKE)" JOBS=$(JOBS) tests/run $(SUITES)

.PHONY: check-build
check-build:
	$(MAKE) -j$(JOBS) WERROR=1 all $(UNIT_BINS)

.PHONY: check-unit
check-unit: $(UNIT_BINS)
	@$(AS_USER) tests/support/run-programs 120 $(UNIT_BINS)

# A second opinion on every warning.
.PHONY: check-clang
check-clang:
	@$(MAKE) -j$(JOBS) CC=clang WERROR=1 all

# The unit tests and the worker under the address and undefined behaviour sanitizers.
.PHONY: check-san
check-san:
	@$(MAKE) -j$(JOBS) SAN=1 build-san/reeve-worker $(UNIT_BINS:$(BUILD)/%=build-san/%)
	@$(AS_USER) tests/support/run-programs 300 $(UNIT_BINS:$(BUILD)/%=build-san/%)

.PHONY: check-checks
check-checks:
	@BUILD=$(BUILD) tests/checks/run

.PHONY: check-e2e
check-e2e: all $(BUILD)/tests/recorder
	@BUILD=$(BUILD) tests/e2e/run

# Scripts written for sbatch, under Debian's Slurm and under Reeve.
.PHONY: check-slurm
check-slurm: all $(BUILD)/tests/recorder
	@BUILD=$(BUILD) tests/slurm/run

# Faults at random moments; SEED=n repeats one run, ROUNDS=n makes it longer.
.PHONY: check-faults
check-faults: all $(BUILD)/tests/recorder
	@BUILD=$(BUILD) tests/faults/run

# Planted faults, each of which the checker must catch.
.PHONY: check-planted
check-planted: all $(BUILD)/tests/recorder
	@MAKE="$(MAKE)" tests/faults/planted

# The demo, once, must end well and leave nothing behind.
.PHONY: check-demo
check-demo: all
	@packaging/demo/demo --build $(BUILD) --once

# The job whose beats the fault checker reads: static, so that it runs anywhere, and so never with sanitizers.
$(BUILD)/tests/recorder: tests/faults/recorder.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out -fsanitize=%,$(CFLAGS)) -static -o $@ $<
