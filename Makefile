# SPDX-License-Identifier: Apache-2.0
# Reeve. `make demo` shows it, `make check` proves it, `make help` lists the rest.
#
# One makefile, no configure step. A folder is a library or a program; its sources are found by wildcard.
# Variants: SAN=1 (ASan and UBSan), CC=clang, FAULT=name (a planted fault, for the checker's own tests).
# Each variant builds in a folder of its own.

VERSION  := 0.1.0
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
PREFIX   ?= /usr/local
DESTDIR  ?=
LIBEXEC  := $(PREFIX)/libexec/reeve
BUILD    ?= build$(if $(filter clang%,$(CC)),-clang)$(if $(SAN),-san)$(if $(FAULT),-fault-$(FAULT))
O        := $(BUILD)/obj

# ---- flags ---------------------------------------------------------------------------------------------
WARN     := -Wall -Wextra -Wformat=2 -Wimplicit-fallthrough -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wundef -Werror=format-security -Werror=implicit -Werror=incompatible-pointer-types \
            -Werror=int-conversion
HARDEN   := -fstack-protector-strong -fcf-protection=full -fno-delete-null-pointer-checks \
            -fno-strict-overflow -fno-strict-aliasing
HARDEN   += $(if $(filter gcc%,$(CC)),-fstack-clash-protection -ftrivial-auto-var-init=zero)
CPPFLAGS += -D_GNU_SOURCE -DREEVE_VERSION='"$(VERSION)"' -Ischeduler -I.
CPPFLAGS += $(if $(FAULT),-DREEVE_FAULT_$(FAULT))
CFLAGS   += -std=gnu11 -O2 -g $(WARN) $(HARDEN)
ifdef SAN
CFLAGS   += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDSAN    := -fsanitize=address,undefined
else
CPPFLAGS += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
CFLAGS   += $(if $(WERROR),-Werror)
LDFLAGS  += -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed $(LDSAN)
PIE      := -fPIE
# The worker runs on hosts we know nothing about: static, except under the sanitizers, which cannot be.
WORKER_LDFLAGS := $(if $(SAN),$(LDSAN),-static-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

# ---- sources -------------------------------------------------------------------------------------------
COMMON    := $(wildcard scheduler/common/*.c)
CORE      := $(wildcard scheduler/core/*.c)
STORE     := $(wildcard scheduler/store/*.c)
REMOTE    := $(wildcard scheduler/remote/*.c)
CONNECTOR := $(wildcard scheduler/connector/*.c)
CLI       := $(wildcard scheduler/cli/*.c)
SCRIPT    := $(wildcard scheduler/script/*.c)
DAEMON    := $(wildcard scheduler/daemon/*.c)
WORKER    := $(wildcard worker/*.c)
WEB       := $(wildcard web/*.c)
SQL       := $(sort $(wildcard sql/[0-9]*.sql))

obj = $(patsubst %.c,$(O)/%.o,$(1))

STORE_LIBS     := -lpq -lsodium
REMOTE_LIBS    := -luv -lsodium
WEB_LIBS       := -lmicrohttpd -lgnutls -lcurl -ljansson -lsodium
DAEMON_LIBS    := $(STORE_LIBS) $(REMOTE_LIBS) $(WEB_LIBS) -lyaml -lpthread -lm
CONNECTOR_LIBS := -lssh2 -lseccomp
CLI_LIBS       := -lcurl -ljansson -lsmartcols -lyaml
WORKER_LIBS    := -lcrypto

PROGRAMS := reeved reeve-connector reeve-worker reeve

.PHONY: all
all: $(PROGRAMS:%=$(BUILD)/%)

# ---- dependencies of the build itself ------------------------------------------------------------------
# packaging/deps/install reads packaging/deps/*.txt and installs what is missing (apt); it is quick when nothing is.
.PHONY: deps
deps:
	@packaging/deps/install build test demo

# V=1 shows the commands.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# ---- rules ---------------------------------------------------------------------------------------------
$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(PIE) -MMD -MP -c $< -o $@

define archive
$(O)/$(1).a: $(call obj,$(2))
	@rm -f $$@
	@mkdir -p $$(@D)
	$$(Q)ar rcs $$@ $$^
endef
$(eval $(call archive,libcommon,$(COMMON)))
$(eval $(call archive,libcore,$(CORE)))
$(eval $(call archive,libscript,$(SCRIPT)))
$(eval $(call archive,libremote,$(REMOTE)))
$(eval $(call archive,libconnector,$(filter-out %/main.c,$(CONNECTOR))))
$(eval $(call archive,libworker,$(filter-out %/main.c,$(WORKER))))
$(eval $(call archive,libcli,$(filter-out %/main.c,$(CLI))))
$(eval $(call archive,libdaemon,$(filter-out %/main.c,$(DAEMON))))

# Migrations and pages are carried inside the program by .incbin.
$(O)/libstore.a: $(call obj,$(STORE)) $(O)/migrations.o
	@rm -f $@
	$(Q)ar rcs $@ $^
$(O)/libweb.a: $(call obj,$(WEB)) $(O)/assets.o
	@rm -f $@
	$(Q)ar rcs $@ $^
$(O)/migrations.S: $(SQL) packaging/embed
	@mkdir -p $(@D)
	$(Q)packaging/embed migration_files $(SQL) > $@.tmp && mv $@.tmp $@
$(O)/migrations.o: $(O)/migrations.S
	$(Q)$(CC) -c $< -o $@
$(O)/assets.S: $(BUILD)/ui/.done packaging/embed
	@mkdir -p $(@D)
	$(Q)packaging/embed asset_files $$(find $(BUILD)/ui -type f ! -name .done | LC_ALL=C sort) > $@.tmp && mv $@.tmp $@
$(O)/assets.o: $(O)/assets.S
	$(Q)$(CC) -c $< -o $@

# The dashboard: TypeScript and Preact by esbuild, each file beside its precompressed copies.
UI := $(shell find web/ui -type f -not -path '*/node_modules/*' 2>/dev/null)
$(BUILD)/ui/.done: $(UI)
	@mkdir -p $(@D)
	$(call say,UI,$(BUILD)/ui)
	$(Q)web/ui/build.sh $(BUILD)/ui
	@touch $@

$(BUILD)/reeved: $(call obj,$(filter %/main.c,$(DAEMON))) $(O)/libdaemon.a $(O)/libweb.a $(O)/libremote.a $(O)/libstore.a $(O)/libscript.a $(O)/libcore.a $(O)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)
$(BUILD)/reeve-connector: $(call obj,$(filter %/main.c,$(CONNECTOR))) $(O)/libconnector.a $(O)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CONNECTOR_LIBS)
$(BUILD)/reeve-worker: $(call obj,$(filter %/main.c,$(WORKER))) $(O)/libworker.a $(O)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(WORKER_LDFLAGS) -o $@ $^ $(WORKER_LIBS)
	$(Q)$(if $(SAN),true,strip $@)
$(BUILD)/reeve: $(call obj,$(filter %/main.c,$(CLI))) $(O)/libcli.a $(O)/libscript.a $(O)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CLI_LIBS)

# Lists of tests first: prerequisites are read where they stand.
include packaging/make/tests.mk $(filter-out packaging/make/tests.mk,$(wildcard packaging/make/*.mk))

.PHONY: clean
clean:
	rm -rf build build-*

-include $(shell find $(O) -name '*.d' 2>/dev/null)
