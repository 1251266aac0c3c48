# SPDX-License-Identifier: Apache-2.0
# Helpers of the worker's tests and measurements.
HOLLOW_BINS := $(BUILD)/tests/hollow-worker $(BUILD)/tests/worker-drive

$(BUILD)/tests/hollow-worker: $(O)/tests/support/hollow/hollow.o $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^
$(BUILD)/tests/worker-drive: $(O)/tests/support/hollow/drive.o $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^

# These tests drive the real program.
$(addprefix $(BUILD)/tests/test_worker_,run outputs survival groups transfers transfer_faults): | $(BUILD)/reeve-worker

# Limits kept by control groups: only root can hand some over to the ordinary account that the worker runs under.
.PHONY: check-groups
check-groups: $(BUILD)/reeve-worker $(BUILD)/tests/test_worker_groups
	@tests/support/run-programs 120 $(BUILD)/tests/test_worker_groups
