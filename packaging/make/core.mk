# SPDX-License-Identifier: Apache-2.0
# The core: its tests share the scene language; random histories; the time of one pass.

CORE_LIBS  := $(O)/tests/unit/scene.o $(O)/libcore.a $(O)/libcommon.a
CORE_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_core_*.c))

$(CORE_TESTS): $(CORE_LIBS)
$(CORE_TESTS): TEST_ARCHIVES := $(CORE_LIBS)

$(BUILD)/tests/sim-histories: $(O)/tests/sim/histories.o $(CORE_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lm

$(BUILD)/tests/bench-pass-time: $(O)/tests/bench/pass_time.o $(O)/libcore.a $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lm

# SEED=n repeats one history.
.PHONY: check-sim
check-sim: $(BUILD)/tests/sim-histories
	@$< $(SEED)

.PHONY: check-core
check-core: $(CORE_TESTS)
	@for t in $(CORE_TESTS); do $$t || exit 1; done
