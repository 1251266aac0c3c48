# SPDX-License-Identifier: Apache-2.0
# `make bench` prints `name value unit` lines; PARTS="spawn latency" measures only those; HISTORY=rows of finished tasks.

BENCH_BINS := $(addprefix $(BUILD)/tests/,bare-spawn bench-store-commit bench-http-submit bench-pass-time bench-transfer-speed hollow-worker recorder)

$(BUILD)/tests/bare-spawn: tests/bench/bare_spawn.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $<

.PHONY: bench
bench: all $(BENCH_BINS)
	@env BUILD=$(BUILD) HISTORY=$(HISTORY) python3 -B tests/bench/bench.py $(PARTS)
HISTORY ?= 10000000
