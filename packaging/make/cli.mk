# SPDX-License-Identifier: Apache-2.0
# The command line: checksums and keys by libsodium; manual pages from docs/man and the table of commands.
CLI_LIBS += -lsodium

MAN_PAGES := $(patsubst docs/man/%.scd,%,$(wildcard docs/man/*.scd))

# The line @COMMANDS@ of a page is replaced by what the program itself says of its commands.
.PHONY: man
man: $(MAN_PAGES:%=$(BUILD)/man/%)
$(BUILD)/man/%: docs/man/%.scd $(BUILD)/reeve
	@mkdir -p $(@D)
	$(BUILD)/reeve help --manual | sed -e '/^@COMMANDS@$$/{' -e 'r /dev/stdin' -e 'd' -e '}' $< | scdoc > $@.tmp
	@mv $@.tmp $@

# libFuzzer targets of numbers and of what the command line takes from others; FUZZ_SECONDS each.
FUZZ_SECONDS ?= 30
FUZZ_CLI_LIBS := -lcurl -ljansson -lsmartcols -lyaml -lsodium
.PHONY: fuzz-cli
fuzz-cli: $(BUILD)/fuzz/fuzz_num $(BUILD)/fuzz/fuzz_cli
	for f in $^; do $$f -max_total_time=$(FUZZ_SECONDS) -max_len=300 -artifact_prefix=$$f- -print_final_stats=1 || exit 1; done
$(BUILD)/fuzz/fuzz_num $(BUILD)/fuzz/fuzz_cli: $(BUILD)/fuzz/%: tests/fuzz/%.c $(COMMON) $(filter-out %/main.c,$(CLI))
	@mkdir -p $(@D)
	clang $(CPPFLAGS) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -o $@ $^ $(FUZZ_CLI_LIBS) -luv
