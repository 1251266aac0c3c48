# SPDX-License-Identifier: Apache-2.0
# Tests of the connector and of links start the real programs.
$(addprefix $(BUILD)/tests/,test_ssh_connector test_worker_link test_remote_site_test test_remote_transfer test_remote_sources): | $(BUILD)/reeve-connector $(BUILD)/reeve-worker

$(BUILD)/tests/bench-transfer-speed: $(O)/tests/bench/transfer_speed.o $(O)/libremote.a $(O)/libcommon.a | $(BUILD)/reeve-connector $(BUILD)/reeve-worker
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(REMOTE_LIBS)
