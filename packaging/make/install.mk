# SPDX-License-Identifier: Apache-2.0
# `make install` puts programs, manual pages, completions and the service below PREFIX (default /usr/local); DESTDIR for packagers.

INSTALL     := install
MANDIR      := $(PREFIX)/share/man
COMPLETIONS := $(PREFIX)/share

.PHONY: install
install: all man
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBEXEC) $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)/etc/reeve
	$(INSTALL) -m 755 $(BUILD)/reeved $(BUILD)/reeve $(BUILD)/reeve-sim $(DESTDIR)$(PREFIX)/bin
	$(INSTALL) -m 755 $(BUILD)/reeve-connector $(BUILD)/reeve-worker $(DESTDIR)$(LIBEXEC)
	for page in $(MAN_PAGES); do \
		$(INSTALL) -D -m 644 $(BUILD)/man/$$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page || exit 1; done
	$(INSTALL) -d $(DESTDIR)$(COMPLETIONS)/bash-completion/completions $(DESTDIR)$(COMPLETIONS)/zsh/site-functions \
		$(DESTDIR)$(COMPLETIONS)/fish/vendor_completions.d
	$(BUILD)/reeve completion bash > $(DESTDIR)$(COMPLETIONS)/bash-completion/completions/reeve
	$(BUILD)/reeve completion zsh > $(DESTDIR)$(COMPLETIONS)/zsh/site-functions/_reeve
	$(BUILD)/reeve completion fish > $(DESTDIR)$(COMPLETIONS)/fish/vendor_completions.d/reeve.fish
	sed 's|@PREFIX@|$(PREFIX)|' packaging/systemd/reeved.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/reeved.service
	[ -e $(DESTDIR)/etc/reeve/reeve.yaml ] || printf '# Settings of reeved: see docs/configuration.md\nlisten: 127.0.0.1:8080\n' > $(DESTDIR)/etc/reeve/reeve.yaml
