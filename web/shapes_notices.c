/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of replies about subscriptions and notices. What they mean stands in docs/api.md. */
#include "web/shape_rows.h"

#include "web/notice.h"

/* clang-format off */
#define WAY_WORD_(sym, name) name " "
#define SUBSCRIPTION \
    INT("id", 0, NULL), \
    STR("name", 0, NULL), \
    WORDS("way", 0, NULL, NOTICE_WAYS(WAY_WORD_)), \
    STR("target", SHAPE_NULL, "URL or address"), \
    STR("kinds", SHAPE_LIST, NULL), \
    BOOL("mine", 0, "of jobs only one's own"), \
    STR("project", SHAPE_NULL, NULL), \
    INT("job", SHAPE_NULL, NULL), \
    STR("site", SHAPE_NULL, NULL), \
    BOOL("confirmed", 0, "false: the address has still to be confirmed"), \
    TIME("paused_at", SHAPE_NULL, NULL), \
    STR("paused_why", SHAPE_NULL, NULL), \
    TIME("created_at", 0, NULL), \
    TIME("last_sent_at", SHAPE_NULL, NULL)

static const struct member subscription_members[] = {SUBSCRIPTION, {0}};
const struct shape obj_subscription = {"subscription", "what a user wants to hear of, and how", subscription_members, false};

static const struct member new_subscription_members[] = {
    SUBSCRIPTION,
    STR("secret", SHAPE_NULL, "the key that signs what a webhook is sent; shown once"),
    {0},
};
const struct shape obj_new_subscription = {"new_subscription", "a subscription that was just made", new_subscription_members, false};

static const struct member subscriptions_members[] = {
    OF("items", obj_subscription, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_subscriptions = {"subscriptions", "one's own", subscriptions_members, false};

static const struct member notice_test_members[] = {INT("notice", 0, "its number"), {0}};
const struct shape obj_notice_test = {"notice_test", "what was sent as a test", notice_test_members, false};

static const struct member delivery_members[] = {
    INT("id", 0, NULL),
    WORDS("what", 0, NULL, "events test code"),
    WORDS("state", 0, NULL, "waiting sent failed"),
    STR("sentence", 0, NULL),
    INT("count", 0, "events it tells of"),
    INT("tries", 0, NULL),
    TIME("made_at", 0, NULL),
    TIME("due_at", 0, "when it is sent, or tried again"),
    TIME("sent_at", SHAPE_NULL, NULL),
    STR("message", SHAPE_NULL, "what was wrong at the last try"),
    {0},
};
const struct shape obj_delivery = {"delivery", "a notice on its way", delivery_members, false};

static const struct member deliveries_members[] = {
    OF("items", obj_delivery, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_deliveries = {"deliveries", "what a subscription sent", deliveries_members, false};

static const struct member notice_event_members[] = {
    INT("seq", 0, NULL),
    TIME("at", 0, NULL),
    STR("kind", 0, NULL),
    INT("job", SHAPE_NULL, NULL),
    STR("job_name", SHAPE_NULL, NULL),
    STR("project", SHAPE_NULL, NULL),
    STR("site", SHAPE_NULL, NULL),
    STR("text", 0, NULL),
    {0},
};
const struct shape obj_notice_event = {"notice_event", "something that happened", notice_event_members, false};

static const struct member notice_members[] = {
    INT("id", 0, NULL),
    INT("subscription", 0, NULL),
    TIME("at", 0, "of the first event"),
    STR("sentence", 0, NULL),
    INT("counts", SHAPE_MAP, "events by kind"),
    INT("count", 0, "all of them"),
    OF("events", obj_notice_event, SHAPE_LIST, "the first 100"),
    TIME("read_at", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_notice = {"notice", "what happened within a short while", notice_members, false};

static const struct member notices_members[] = {
    OF("items", obj_notice, SHAPE_LIST, NULL),
    INT("unread", 0, "those not seen"),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_notices = {"notices", "of the page", notices_members, false};

static const struct member unread_members[] = {INT("unread", 0, NULL), {0}};
const struct shape obj_unread = {"unread", "how many notices were not seen", unread_members, false};
/* clang-format on */
