# SPDX-License-Identifier: Apache-2.0
# The store: libpq's headers are for scheduler/store alone.
$(O)/scheduler/store/%.o: CPPFLAGS += -I/usr/include/postgresql

# All tests of the store share one private PostgreSQL; each gets databases of its own copied from a template.
.PHONY: check-store
check-store: $(STORE_BINS)
	@tests/support/pg.sh run sh -c 'rc=0; for t in $(STORE_BINS); do $$t || rc=1; done; exit $$rc'

# tests/bench/store_commit.c says how to run it.
$(BUILD)/tests/bench-store-commit: $(O)/tests/bench/store_commit.o $(O)/libstore.a $(O)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpq -lsodium
