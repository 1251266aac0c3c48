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
