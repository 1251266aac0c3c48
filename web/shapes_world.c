/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of replies about sites, data and people. What they mean stands in docs/api.md. */
#include "web/shape_rows.h"

/* clang-format off */
static const struct member site_project_members[] = {
    STR("name", 0, NULL),
    INT("max_cpus", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_site_project = {"site_project", "a site's rule for a project", site_project_members, false};

static const struct member host_key_members[] = {
    INT("hop", 0, NULL),
    STR("type", 0, NULL),
    STR("fingerprint", 0, NULL),
    BOOL("pinned", 0, NULL),
    {0},
};
const struct shape obj_host_key = {"host_key", "a key that a host showed", host_key_members, false};

static const struct member host_members[] = {
    STR("address", 0, NULL),
    INT("port", 0, NULL),
    STR("jumps", SHAPE_LIST, NULL),
    OF("keys", obj_host_key, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_host = {"host", "a machine that Reeve logs in to", host_members, false};

static const struct member account_members[] = {
    STR("user", 0, NULL),
    STR("project", SHAPE_NULL, NULL),
    STR("root", SHAPE_NULL, NULL),
    WORDS("backend", 0, NULL, "libssh2 openssh"),
    STR("public_key", SHAPE_NULL, "null until the engine has made it"),
    {0},
};
const struct shape obj_account = {"account", "a Unix account at a site", account_members, false};

static const struct member used_members[] = {
    INT("cpus", 0, NULL),
    INT("memory", 0, NULL),
    INT("gpus", 0, NULL),
    INT("tasks", 0, NULL),
    {0},
};
const struct shape obj_used = {"used", "held by attempts now", used_members, false};

static const struct member capacity_members[] = {
    INT("cpus", 0, NULL),
    INT("memory", 0, NULL),
    INT("gpus", 0, NULL),
    {0},
};
const struct shape obj_capacity = {"capacity", "in all", capacity_members, false};

static const struct member offer_members[] = {
    INT("cpus", SHAPE_NULL, NULL),
    INT("memory", SHAPE_NULL, NULL),
    INT("gpus", SHAPE_NULL, NULL),
    INT("slots", SHAPE_NULL, NULL),
    INT("custom", SHAPE_MAP, NULL),
    {0},
};
const struct shape obj_offer = {"offer", "what the admin offers; null: what was found", offer_members, false};

static const struct member site_worker_members[] = {
    INT("id", 0, NULL),
    STR("host", 0, NULL),
    STR("user", 0, NULL),
    WORDS("link", 0, NULL, LINK_STATES(WORD_)),
    STR("link_text", SHAPE_NULL, NULL),
    TIME("since", SHAPE_NULL, NULL),
    STR("hostname", SHAPE_NULL, NULL),
    INT("cpus", SHAPE_NULL, NULL),
    INT("memory", SHAPE_NULL, NULL),
    INT("gpus", 0, NULL),
    INT("disk_free", SHAPE_NULL, NULL),
    INT("disk_total", SHAPE_NULL, NULL),
    INT("memory_available", SHAPE_NULL, NULL),
    REAL("load", SHAPE_NULL, NULL),
    INT("clock_skew_ms", SHAPE_NULL, NULL),
    INT("running", SHAPE_NULL, NULL),
    TIME("seen_at", SHAPE_NULL, NULL),
    STR("machine", SHAPE_NULL, "processor type"),
    STR("features", SHAPE_LIST, "what it can use, in its own words"),
    STR("version", SHAPE_NULL, "of the build that runs there; null: not told"),
    WORDS("intent", 0, NULL, "open draining"),
    STR("intent_by", SHAPE_NULL, NULL),
    TIME("intent_at", SHAPE_NULL, NULL),
    STR("intent_why", SHAPE_NULL, NULL),
    OF("used", obj_used, 0, NULL),
    OF("offer", obj_offer, 0, NULL),
    {0},
};
const struct shape obj_site_worker = {"site_worker", "an agent at a site", site_worker_members, false};

static const struct member worker_members[] = {
    STR("site", 0, NULL),
    INT("id", 0, NULL),
    STR("host", 0, NULL),
    STR("user", 0, NULL),
    WORDS("link", 0, NULL, LINK_STATES(WORD_)),
    STR("link_text", SHAPE_NULL, NULL),
    TIME("since", SHAPE_NULL, NULL),
    STR("hostname", SHAPE_NULL, NULL),
    INT("cpus", SHAPE_NULL, NULL),
    INT("memory", SHAPE_NULL, NULL),
    INT("gpus", 0, NULL),
    INT("disk_free", SHAPE_NULL, NULL),
    INT("disk_total", SHAPE_NULL, NULL),
    INT("memory_available", SHAPE_NULL, NULL),
    REAL("load", SHAPE_NULL, NULL),
    INT("clock_skew_ms", SHAPE_NULL, NULL),
    INT("running", SHAPE_NULL, NULL),
    TIME("seen_at", SHAPE_NULL, NULL),
    STR("machine", SHAPE_NULL, "processor type"),
    STR("features", SHAPE_LIST, "what it can use, in its own words"),
    STR("version", SHAPE_NULL, "of the build that runs there; null: not told"),
    WORDS("intent", 0, NULL, "open draining"),
    STR("intent_by", SHAPE_NULL, NULL),
    TIME("intent_at", SHAPE_NULL, NULL),
    STR("intent_why", SHAPE_NULL, NULL),
    OF("used", obj_used, 0, NULL),
    OF("offer", obj_offer, 0, NULL),
    {0},
};
const struct shape obj_worker = {"worker", "an agent", worker_members, false};

static const struct member workers_members[] = {
    OF("items", obj_worker, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_workers = {"workers", "all workers", workers_members, false};

static const struct member site_data_members[] = {
    BOOL("accept", 0, "copies of data may be brought there"),
    INT("quota", SHAPE_NULL, "bytes its admin gives; null: what follows from its disk"),
    REAL("egress", SHAPE_NULL, "bytes per second that all transfers out of it may take"),
    REAL("ingress", SHAPE_NULL, "and into it"),
    INT("limit", SHAPE_NULL, "bytes that copies may take; null: not counted yet"),
    INT("used", SHAPE_NULL, NULL),
    INT("evictable", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_site_data = {"site_data", "room for copies", site_data_members, false};

static const struct member site_direct_members[] = {
    STR("host", SHAPE_NULL, "by which other sites reach it; null: as Reeve does"),
    INT("port", SHAPE_NULL, "null: as Reeve does"),
    STR("keys", SHAPE_NULL, "file of authorized keys; null: ~/.ssh/authorized_keys"),
    {0},
};
const struct shape obj_site_direct = {"site_direct", "how other sites reach it", site_direct_members, false};

static const struct member site_members[] = {
    STR("name", 0, NULL),
    WORDS("intent", 0, NULL, SITE_INTENTS(WORD_)),
    STR("intent_by", 0, NULL),
    TIME("intent_at", 0, NULL),
    STR("intent_why", SHAPE_NULL, NULL),
    WORDS("health", 0, NULL, SITE_HEALTHS(WORD_)),
    TIME("health_since", 0, NULL),
    STR("health_text", SHAPE_NULL, NULL),
    STR("alarm", SHAPE_NULL, "a person must look"),
    INT("max_tasks", SHAPE_NULL, NULL),
    INT("max_dials", SHAPE_NULL, "connections to it that are begun at once; null: 2"),
    REAL("speed", 0, NULL),
    BOOL("all_projects", 0, NULL),
    STR("labels", SHAPE_LIST, NULL),
    OF("place", obj_place, SHAPE_NULL, "where it is, for the map"),
    OF("data", obj_site_data, 0, NULL),
    OF("direct", obj_site_direct, 0, NULL),
    OF("projects", obj_site_project, SHAPE_LIST, NULL),
    OF("hosts", obj_host, SHAPE_LIST, NULL),
    OF("accounts", obj_account, SHAPE_LIST, NULL),
    OF("workers", obj_site_worker, SHAPE_LIST, NULL),
    OF("capacity", obj_capacity, 0, NULL),
    OF("used", obj_used, 0, NULL),
    TIME("created_at", 0, NULL),
    {0},
};
const struct shape obj_site = {"site", "a site", site_members, false};

static const struct member sites_members[] = {
    OF("items", obj_site, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_sites = {"sites", "all sites", sites_members, false};

static const struct member call_members[] = {
    INT("id", 0, NULL),
    STR("kind", 0, NULL),
    STR("site", SHAPE_NULL, NULL),
    WORDS("state", 0, NULL, "queued running done failed"),
    TIME("asked_at", 0, NULL),
    TIME("ended_at", SHAPE_NULL, NULL),
    ANY("steps", SHAPE_LIST, NULL),
    ANY("result", 0, NULL),
    STR("message", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_call = {"call", "a question to a site", call_members, false};

static const struct member dataset_place_members[] = {
    STR("site", 0, NULL),
    STR("root", 0, NULL),
    INT("files", 0, NULL),
    INT("bytes", 0, NULL),
    INT("missing", 0, "bytes"),
    BOOL("complete", 0, NULL),
    BOOL("copy", 0, "made by Reeve; it may be evicted"),
    BOOL("suspect", 0, "not used until it was brought anew"),
    TIME("used_at", 0, "when a task that reads it was last placed there, or it was made"),
    TIME("checked_at", SHAPE_NULL, "when its files were last read and found good; null: they were only listed"),
    STR("pinned_by", SHAPE_NULL, NULL),
    TIME("pinned_at", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_dataset_place = {"dataset_place", "where a dataset lies", dataset_place_members, true};

static const struct member policy_members[] = {
    STR("sites", SHAPE_LIST, NULL),
    STR("labels", SHAPE_LIST, NULL),
    STR("by", 0, NULL),
    {0},
};
const struct shape obj_policy = {"policy", "where a dataset may be", policy_members, false};

static const struct member lineage_members[] = {
    INT("job", 0, NULL),
    STR("name", 0, NULL),
    STR("user", 0, NULL),
    WORDS("state", 0, NULL, JOB_STATES(WORD_)),
    STR("inputs", SHAPE_LIST, "datasets that it read"),
    {0},
};
const struct shape obj_lineage = {"lineage", "the job that made a dataset", lineage_members, false};

static const struct member reader_members[] = {
    INT("job", 0, NULL),
    STR("name", 0, NULL),
    STR("user", 0, NULL),
    WORDS("state", 0, NULL, JOB_STATES(WORD_)),
    TIME("submitted_at", 0, NULL),
    {0},
};
const struct shape obj_reader = {"reader", "a job that reads a dataset", reader_members, false};

static const struct member arrival_members[] = {
    WORDS("kind", 0, NULL, "upload import fetch"),
    WORDS("state", 0, NULL, ARRIVAL_STATES(WORD_)),
    STR("site", SHAPE_NULL, "where it goes, or lies; null: not chosen yet"),
    INT("files", 0, "that were named"),
    INT("bytes", 0, NULL),
    INT("received_files", 0, "of an upload: whole at the server"),
    INT("received_bytes", 0, NULL),
    INT("moved_bytes", 0, "that are at the site"),
    INT("transfer", SHAPE_NULL, NULL),
    STR("message", SHAPE_NULL, "what went wrong last"),
    TIME("expires_at", 0, "when it is removed if nobody names or sends a file"),
    {0},
};
const struct shape obj_arrival = {"arrival", "files that come in", arrival_members, false};

static const struct member reads_day_members[] = {
    STR("day", 0, NULL),
    INT("jobs", 0, "submitted that day that read it"),
    INT("tasks", 0, "of those jobs"),
    {0},
};
const struct shape obj_reads_day = {"reads_day", "use on one day", reads_day_members, false};

static const struct member reads_members[] = {
    TIME("last_at", SHAPE_NULL, NULL),
    INT("jobs", 0, "of the last 30 days"),
    BOOL("more", 0, "only the newest 10,000 jobs were looked at"),
    OF("days", obj_reads_day, SHAPE_LIST, "newest first; days without a job are left out"),
    {0},
};
const struct shape obj_reads = {"reads", "how much a dataset is used", reads_members, false};

/* What lists show of a dataset, and its own page. */
#define DATASET_MEMBERS \
    STR("name", 0, NULL), \
    STR("base", 0, "its name without the version"), \
    INT("version", 0, NULL), \
    STR("project", 0, NULL), \
    WORDS("state", 0, NULL, "open sealed"), \
    INT("files", 0, NULL), \
    INT("bytes", 0, NULL), \
    STR("made_by", 0, NULL), \
    TIME("made_at", 0, NULL), \
    INT("job", SHAPE_NULL, NULL), \
    TIME("sealed_at", SHAPE_NULL, NULL), \
    TIME("expires_at", SHAPE_NULL, "when it is removed"), \
    OF("policy", obj_policy, SHAPE_NULL, "null: anywhere"), \
    OF("arrival", obj_arrival, SHAPE_NULL, "null: it is sealed, or made by a job"), \
    OF("sites", obj_dataset_place, SHAPE_LIST, NULL)
static const struct member dataset_members[] = {
    DATASET_MEMBERS,
    {0},
};
const struct shape obj_dataset = {"dataset", "a named set of files", dataset_members, true};

static const struct member dataset_shown_members[] = {
    DATASET_MEMBERS,
    OF("lineage", obj_lineage, SHAPE_NULL, "null: it was registered, or one may not see"),
    OF("used_by", obj_reader, SHAPE_LIST, "the newest jobs that read it"),
    OF("reads", obj_reads, 0, NULL),
    {0},
};
const struct shape obj_dataset_shown = {"dataset_shown", "a dataset with its history", dataset_shown_members, true};

static const struct member facet_members[] = {
    STR("value", 0, NULL),
    INT("datasets", 0, NULL),
    {0},
};
const struct shape obj_dataset_facet = {"dataset_facet", "a value, and how many have it", facet_members, false};

static const struct member dataset_facets_members[] = {
    INT("datasets", 0, "that match"),
    INT("bytes", 0, NULL),
    BOOL("more", 0, "older ones were not looked at"),
    OF("state", obj_dataset_facet, SHAPE_LIST, NULL),
    OF("project", obj_dataset_facet, SHAPE_LIST, NULL),
    OF("site", obj_dataset_facet, SHAPE_LIST, NULL),
    OF("policy", obj_dataset_facet, SHAPE_LIST, "any, none, and labels"),
    {0},
};
const struct shape obj_dataset_facets = {"dataset_facets", "datasets by kind", dataset_facets_members, false};

static const struct member received_members[] = {
    STR("path", 0, NULL),
    INT("size", 0, NULL),
    INT("received", 0, "bytes"),
    BOOL("complete", 0, NULL),
    {0},
};
const struct shape obj_received = {"received", "what is at the server of a file", received_members, false};

static const struct member lineage_node_members[] = {
    STR("id", 0, NULL),
    WORDS("kind", 0, NULL, "dataset job"),
    STR("name", 0, NULL),
    INT("level", 0, "steps from the dataset asked for; negative: it was made from this"),
    STR("state", 0, NULL),
    TIME("at", 0, "made, or submitted"),
    INT("job", SHAPE_OPT, NULL),
    STR("user", SHAPE_OPT, NULL),
    INT("files", SHAPE_OPT, NULL),
    INT("bytes", SHAPE_OPT, NULL),
    {0},
};
const struct shape obj_lineage_node = {"lineage_node", "a dataset or a job", lineage_node_members, false};

static const struct member lineage_edge_members[] = {
    STR("from", 0, NULL),
    STR("to", 0, NULL),
    {0},
};
const struct shape obj_lineage_edge = {"lineage_edge", "read by, or made", lineage_edge_members, false};

static const struct member lineage_graph_members[] = {
    STR("dataset", 0, NULL),
    INT("depth", 0, NULL),
    BOOL("more", 0, "there are others, or some that one may not see"),
    OF("nodes", obj_lineage_node, SHAPE_LIST, NULL),
    OF("edges", obj_lineage_edge, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_lineage_graph = {"lineage_graph", "what a dataset was made from, and what from it",
                                        lineage_graph_members, false};

static const struct member where_item_members[] = {
    STR("site", 0, NULL),
    WORDS("state", 0, NULL, "complete coming part none"),
    INT("bytes", 0, "that are there"),
    INT("missing", 0, "bytes"),
    REAL("seconds", SHAPE_NULL, "until it would be complete there; null: it cannot be, or nobody knows"),
    STR("from", SHAPE_NULL, "the site it would come from"),
    BOOL("allowed", 0, "by its policy"),
    STR("sentence", 0, NULL),
    {0},
};
const struct shape obj_where_item = {"where_item", "a dataset at a site", where_item_members, false};

static const struct member where_members[] = {
    STR("dataset", 0, NULL),
    INT("bytes", 0, NULL),
    BOOL("live", 0, "false: from the record, for no engine answered"),
    OF("items", obj_where_item, SHAPE_LIST, "soonest first"),
    {0},
};
const struct shape obj_where = {"where", "where a dataset is, and how soon it could be elsewhere", where_members, false};

static const struct member datasets_members[] = {
    OF("items", obj_dataset, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_datasets = {"datasets", "a page of datasets", datasets_members, false};

static const struct member transfer_members[] = {
    INT("id", 0, NULL),
    STR("dataset", 0, NULL),
    STR("from", SHAPE_NULL, "null while no source is chosen"),
    STR("to", 0, NULL),
    WORDS("state", 0, NULL, TRANSFER_STATES(WORD_)),
    WORDS("why", 0, NULL, "job copy person upload fetch"),
    STR("asked_by", SHAPE_NULL, NULL),
    INT("files", 0, NULL),
    INT("bytes", 0, "moved so far"),
    INT("total", 0, "to be moved"),
    REAL("rate", SHAPE_NULL, "bytes per second"),
    REAL("eta", SHAPE_NULL, "seconds that the rest takes at that rate"),
    INT("tries", 0, "failed ones"),
    TIME("asked_at", 0, NULL),
    TIME("started_at", SHAPE_NULL, NULL),
    TIME("ended_at", SHAPE_NULL, NULL),
    TIME("not_before", SHAPE_NULL, "pause after a failed try"),
    WORDS("way", SHAPE_NULL, NULL, "local direct relay"),
    STR("message", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_transfer = {"transfer", "data on its way", transfer_members, false};

static const struct member transfers_members[] = {
    OF("items", obj_transfer, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_transfers = {"transfers", "a page of transfers", transfers_members, false};

static const struct member link_members[] = {
    STR("from", 0, NULL),
    STR("to", 0, NULL),
    REAL("rate", SHAPE_NULL, "bytes per second, learned; null: nothing was"),
    REAL("latency", SHAPE_NULL, "seconds to begin"),
    REAL("weight", 0, "samples that count in it"),
    TIME("learned_at", SHAPE_NULL, NULL),
    REAL("budget", SHAPE_NULL, "bytes per second allowed"),
    INT("max_active", SHAPE_NULL, "transfers at once"),
    REAL("from_budget", SHAPE_NULL, "as the source says; the smallest counts"),
    INT("from_max_active", SHAPE_NULL, "as the source says"),
    REAL("to_budget", SHAPE_NULL, "as the destination says"),
    INT("to_max_active", SHAPE_NULL, "as the destination says"),
    BOOL("direct", 0, "the destination may fetch by itself"),
    INT("transfers", 0, "that ended well"),
    INT("bytes", 0, "that they moved"),
    INT("active", 0, "transfers that move"),
    INT("promised", 0, "bytes that open transfers have still to move"),
    {0},
};
const struct shape obj_link = {"link", "a directed pair of sites", link_members, false};

static const struct member links_members[] = {
    OF("items", obj_link, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_links = {"links", "all links", links_members, false};

static const struct member url_prefix_members[] = {
    INT("id", 0, NULL),
    STR("prefix", 0, NULL),
    STR("site", SHAPE_NULL, "the only site that may; null: any"),
    BOOL("private", 0, "also when its host has a private or local address"),
    STR("redirects", SHAPE_LIST, "prefixes that it may lead on to"),
    STR("made_by", 0, NULL),
    TIME("made_at", 0, NULL),
    {0},
};
const struct shape obj_url_prefix = {"url_prefix", "from where files may be fetched", url_prefix_members, false};

static const struct member url_prefixes_members[] = {
    OF("items", obj_url_prefix, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_url_prefixes = {"url_prefixes", "all of them", url_prefixes_members, false};

static const struct member file_members[] = {
    STR("path", 0, NULL),
    INT("size", SHAPE_NULL, "null: not known yet"),
    STR("sha256", SHAPE_NULL, "null: not known yet"),
    INT("task", SHAPE_NULL, NULL),
    INT("received", SHAPE_NULL, "bytes at the server, of a dataset that is being sent"),
    {0},
};
const struct shape obj_file = {"file", "a file of a dataset", file_members, false};

static const struct member files_members[] = {
    OF("items", obj_file, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_files = {"files", "a page of files", files_members, false};

static const struct member job_totals_members[] = {
    INT("accepted", 0, NULL),
    INT("active", 0, NULL),
    INT("held", 0, NULL),
    {0},
};
const struct shape obj_job_totals = {"job_totals", "live jobs", job_totals_members, false};

static const struct member task_totals_members[] = {
    INT("ready", 0, NULL),
    INT("placed", 0, NULL),
    INT("running", 0, NULL),
    INT("succeeded_total", 0, NULL),
    INT("failed_total", 0, NULL),
    {0},
};
const struct shape obj_task_totals = {"task_totals", "tasks of live jobs, and totals of all time", task_totals_members, false};

static const struct member running_members[] = {
    INT("job", 0, NULL),
    STR("name", 0, NULL),
    INT("task", 0, NULL),
    INT("attempt", 0, NULL),
    WORDS("state", 0, NULL, ATTEMPT_STATES(WORD_)),
    STR("site", SHAPE_NULL, NULL),
    TIME("started_at", SHAPE_NULL, NULL),
    OF("progress", obj_progress, SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_running = {"running", "an open attempt", running_members, false};

static const struct member engine_members[] = {
    INT("epoch", 0, NULL),
    STR("leader", 0, NULL),
    BOOL("alive", 0, NULL),
    REAL("pass_ms", 0, NULL),
    TIME("last_pass_at", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_engine = {"engine", "who leads, and how it goes", engine_members, false};

static const struct member overview_members[] = {
    OF("jobs", obj_job_totals, 0, NULL),
    OF("tasks", obj_task_totals, 0, NULL),
    OF("sites", obj_site, SHAPE_LIST, NULL),
    OF("recent_jobs", obj_job, SHAPE_LIST, NULL),
    OF("running", obj_running, SHAPE_LIST, NULL),
    OF("events", obj_event, SHAPE_LIST, NULL),
    OF("engine", obj_engine, 0, NULL),
    TIME("now", 0, NULL),
    {0},
};
const struct shape obj_overview = {"overview", "what the first page shows", overview_members, false};
/* clang-format on */
