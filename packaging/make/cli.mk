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

