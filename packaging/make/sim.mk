# SPDX-License-Identifier: Apache-2.0
# The simulator, and the figures of placement by data locality.

SIM := $(wildcard scheduler/sim/*.c)
SIM_LIBS := -ljansson -lexpat -lz -lm
$(eval $(call archive,libsim,$(filter-out %/main.c,$(SIM))))

all: $(BUILD)/reeve-sim
$(BUILD)/reeve-sim: $(call obj,$(filter %/main.c,$(SIM))) $(O)/libsim.a $(O)/libcore.a $(O)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

# Every format, what must hold of every simulation, and what placement must come to on made-up cases.
.PHONY: check-reeve-sim
check-sim: check-reeve-sim
check-reeve-sim: $(BUILD)/reeve-sim
	@REEVE_SIM=$(BUILD)/reeve-sim python3 -B tests/sim/test_reeve_sim.py

# Figures of placement as "name value unit" lines; PARTS="gap cases" measures only those. TRACES= names the folder of
# recorded traces: the one beside the tree when it is there, else made-up cases alone.
TRACES ?= $(wildcard ../shared/data/traces)
.PHONY: bench-locality
bench-locality: $(BUILD)/reeve-sim $(BUILD)/tests/bench-pass-time | $(BUILD)/tests/bench-transfer-speed
	@TRACES=$(TRACES) python3 -B tests/bench/locality.py $^ $(PARTS)
