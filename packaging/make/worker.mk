# SPDX-License-Identifier: Apache-2.0
# Helpers of the worker's tests and measurements.
HOLLOW_BINS := $(BUILD)/tests/hollow-worker $(BUILD)/tests/worker-drive

$(BUILD)/tests/hollow-worker: $(O)/tests/support/hollow/hollow.o $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^
$(BUILD)/tests/worker-drive: $(O)/tests/support/hollow/drive.o $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^

# This test drives the real program.
$(BUILD)/tests/test_worker_run: | $(BUILD)/reeve-worker
