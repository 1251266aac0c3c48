# SPDX-License-Identifier: Apache-2.0
# Unit tests: each tests/unit/test_X.c is a program linked with every library of ours; tests/store likewise, with a
# throwaway PostgreSQL given by tests/support/pg.sh.

UNIT_TESTS  := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
STORE_TESTS := $(patsubst tests/store/%.c,%,$(wildcard tests/store/test_*.c))
TEST_ARCHIVES := $(addprefix $(O)/,libdaemon.a libweb.a libcli.a libscript.a libremote.a libstore.a libconnector.a libworker.a libcore.a libcommon.a)
TEST_LIBS   := $(DAEMON_LIBS) $(CONNECTOR_LIBS) $(CLI_LIBS) $(WORKER_LIBS) -lcmocka
UNIT_BINS   := $(UNIT_TESTS:%=$(BUILD)/tests/%)
STORE_BINS  := $(STORE_TESTS:%=$(BUILD)/tests/%)

# An archive that a test does not need is not pulled in, and a test of a lower floor does not wait for upper ones:
# `make TEST_ARCHIVES=... build/tests/test_x` narrows the list.
$(UNIT_BINS): $(BUILD)/tests/%: $(O)/tests/unit/%.o $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(TEST_ARCHIVES) -Wl,--end-group $(TEST_LIBS)
$(STORE_BINS): $(BUILD)/tests/%: $(O)/tests/store/%.o $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(TEST_ARCHIVES) -Wl,--end-group $(TEST_LIBS)
