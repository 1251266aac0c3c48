# SPDX-License-Identifier: Apache-2.0
# The dashboard in a real browser: its pages, their policy, both themes, widths. OUT=DIR keeps the screenshots.

.PHONY: check-browser
check-browser: $(BUILD)/ui/.done
	@tests/browser/run.sh $(BUILD)/ui $(OUT)
