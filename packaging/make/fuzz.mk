# SPDX-License-Identifier: Apache-2.0
# Fuzzing with libFuzzer: each tests/fuzz/fuzz_X.c is a program linked with every library of ours, all of it compiled by
# clang for coverage and under the address and undefined behaviour sanitizers, in a folder of its own.

FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BINS    := $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%)
FUZZ_BUILD   := build-fuzz
FUZZ_MAKE    := CPPFLAGS=-fsanitize=fuzzer-no-link $(MAKE) -j$(JOBS) SAN=1 CC=clang BUILD=$(FUZZ_BUILD)

# The server without the pages of the dashboard.
$(eval $(call archive,libwebcode,$(WEB)))
FUZZ_ARCHIVES := $(addprefix $(O)/,libwebcode.a libcli.a libscript.a libremote.a libstore.a libconnector.a libworker.a libsim.a libcore.a libcommon.a)

$(FUZZ_BINS): $(BUILD)/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/fuzz.o $(FUZZ_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)clang -fsanitize=fuzzer $(LDSAN) -o $@ $< $(O)/tests/fuzz/fuzz.o -Wl,--start-group $(FUZZ_ARCHIVES) -Wl,--end-group \
		$(TEST_LIBS) $(SIM_LIBS)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_BINS)

# Eight seconds or 200,000 inputs for each: what was fixed once stays fixed. `make fuzz SECONDS=n` looks for more.
SECONDS ?= 60
.PHONY: check-fuzz fuzz
check-fuzz:
	@$(FUZZ_MAKE) fuzz-programs
	@$(AS_USER) tests/fuzz/run 8 200000 $(FUZZ_TARGETS:%=$(FUZZ_BUILD)/fuzz/%)
fuzz:
	@$(FUZZ_MAKE) fuzz-programs
	@tests/fuzz/run $(SECONDS) -1 $(FUZZ_TARGETS:%=$(FUZZ_BUILD)/fuzz/%)

# Requests that are nearly right, over HTTP against a whole reeved with sanitizers: some, always the same ones; and as many as one likes.
N ?= 1000000
HTTP_FUZZ_MAKE := $(MAKE) -j$(JOBS) SAN=1 all build-san/tests/recorder
.PHONY: check-http bench-fuzz
check-http:
	@$(HTTP_FUZZ_MAKE)
	@env BUILD=build-san N=12000 SEED=1 $(AS_USER) python3 -B tests/fuzz/http_fuzz.py
bench-fuzz:
	@$(HTTP_FUZZ_MAKE)
	@env BUILD=build-san N=$(N) SEED=$(or $(SEED),1) $(AS_USER) python3 -B tests/fuzz/http_fuzz.py
