# SPDX-License-Identifier: Apache-2.0
# The web server alone, for its own tests and benchmark.

$(BUILD)/tests/webd: $(O)/tests/support/webd.o $(O)/libweb.a $(O)/libstore.a $(O)/libscript.a $(O)/libcore.a $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lmicrohttpd -lgnutls -lcurl -ljansson -lsodium -lpq -lpthread -lm

$(BUILD)/tests/bench-http-submit: $(O)/tests/bench/http_submit.o $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lpthread

$(BUILD)/tests/bench-http-poll: $(O)/tests/bench/http_poll.o $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lpthread

# Every GET route and filter over HISTORY jobs (default 10,000,000) and SITES sites (1,000), and 200 clients that watch POLL jobs; PARTS="lists poll".
.PHONY: bench-api
bench-api: all $(BUILD)/tests/bench-http-poll $(BUILD)/tests/hollow-worker $(BUILD)/tests/recorder
	@env BUILD=$(BUILD) HISTORY=$(HISTORY) python3 -B tests/bench/api.py $(PARTS)

# The programs of tests/web drive it over HTTP against a PostgreSQL of its own.
.PHONY: check-web
check-web: $(BUILD)/tests/webd
	@tests/support/pg.sh run tests/web/run $(BUILD)/tests/webd

# From the commit of an event to the frame that shows it, in a real browser, with 200 pollers and STREAMS streams beside it; what the page holds after LIVE seconds.
.PHONY: bench-live
bench-live: all $(BUILD)/tests/bench-http-poll $(BUILD)/tests/hollow-worker $(BUILD)/tests/recorder
	@env BUILD=$(BUILD) python3 -B tests/bench/live.py
