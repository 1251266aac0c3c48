# SPDX-License-Identifier: Apache-2.0
# The dashboard in a real browser: first against canned answers, then over a real grid. OUT=DIR keeps the screenshots.

.PHONY: check-browser check-browser-canned check-browser-live check-browser-sign-on
check-browser: check-browser-canned check-browser-live check-browser-sign-on
check-browser-canned: $(BUILD)/ui/.done
	@tests/browser/run.sh $(BUILD)/ui $(OUT)
check-browser-live: all
	@BUILD=$(BUILD) tests/browser/run.sh --live $(OUT)
check-browser-sign-on: $(BUILD)/tests/webd
	@tests/support/pg.sh run tests/browser/run.sh --sign-on $(BUILD)/tests/webd $(OUT)
