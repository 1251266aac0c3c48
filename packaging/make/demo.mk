# SPDX-License-Identifier: Apache-2.0
# `make demo`: a real job on three private SSH sites, until Ctrl-C. `make demo ONESHOT=1`: ends by itself, with 0 only
# when every result is right.
.PHONY: demo
demo:
	@packaging/deps/install build demo
	@$(MAKE) -s --no-print-directory -j$(JOBS) all
	@packaging/demo/demo --build $(BUILD) $(if $(filter 1,$(ONESHOT)),--once)
