/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "script/job_options.h"

const struct option global_options[] = {
    {"format", 'o', "FORMAT", "table, wide, json, jsonl, csv or id (REEVE_FORMAT)", false},
    {"quiet", 'q', NULL, "ids only, no words", false},
    {"yes", 'y', NULL, "answer every question with yes", false},
    {"url", 0, "URL", "the server (REEVE_URL; http://127.0.0.1:8080)", false},
    {"debug", 0, NULL, "show the HTTP conversation, without the token", false},
    {"no-color", 0, NULL, "no colours (also NO_COLOR)", false},
    {"help", 'h', NULL, "this help", false},
    {"version", 0, NULL, "the version", false},
    {0},
};

static const struct option submit_options[] = {
    {"wait", 0, NULL, "wait for the end and return the job's exit code", false},
    {"dry-run", 0, NULL, "check everything and store nothing; 8: it could never run", false},
    {"strict", 0, NULL, "refuse a job that nothing registered could ever run, with 8", false},
    {"print", 0, "curl|json", "print the request instead of sending it", false},
    {"idempotency-key", 0, "KEY", "the same key and job again give the same answer again", false},
    {0},
};

static const struct option template_list_options[] = {
    {"project", 'p', "PROJECT", "only of this project", false},
    {0},
};

static const struct option template_save_options[] = {
    {"file", 'f', "FILE", "read it from a YAML or JSON file (\"-\": standard input)", false},
    {"replace", 0, NULL, "put it in place of the one of that name", false},
    {"dry-run", 0, NULL, "check everything and keep nothing", false},
    {0},
};

static const struct option template_run_options[] = {
    {"set", 0, "NAME=VALUE", "the value of a parameter", true},
    {"name", 'n', "NAME", "name of the job", false},
    {"project", 'p', "PROJECT", "project it belongs to (the template's, or your first one)", false},
    {0},
};

static const struct option run_options[] = {
    {"raw", 0, NULL, "pass on the output's bytes unfiltered", false},
    {"strict", 0, NULL, "refuse a job that nothing registered could ever run, with 8", false},
    {"idempotency-key", 0, "KEY", "the same key and job again give the same answer again", false},
    {0},
};

static const struct option show_options[] = {
    {"state", 0, "STATE", "only tasks in this state: blocked, ready, placed, succeeded, failed, cancelled",
     false},
    {"limit", 0, "N", "at most so many tasks (20)", false},
    {0},
};

static const struct option explain_options[] = {
    {"what-if", 0, "NAME=VALUE",
     "tell what would happen if it asked for this: a resource, sites=, inputs=, time_limit= or priority=",
     true},
    {0},
};

static const struct option logs_options[] = {
    {"follow", 'f', NULL, "go on until it ends", false},
    {"stderr", 'e', NULL, "standard error instead of standard output", false},
    {"tail", 'n', "LINES", "only the last lines", false},
    {"raw", 0, NULL, "pass on the bytes unfiltered", false},
    {0},
};

static const struct option wait_options[] = {
    {"any", 0, NULL, "end with the first job that ends, and print its number", false},
    {"timeout", 't', "TIME", "give up after so long, with exit code 124", false},
    {0},
};

static const struct option why_options[] = {
    {"why", 0, "TEXT", "the reason, for others to read", false},
    {0},
};

static const struct option pin_options[] = {
    {"fingerprint", 0, "SHA256:...", "the host key to expect, instead of a question; again for more hosts",
     true},
    {0},
};

static const struct option site_set_options[] = {
    {"max-tasks", 0, "N|none", "tasks at once at most", false},
    {"max-dials", 0, "N|none", "connections to it that are begun at once (2)", false},
    {"speed", 0, "FACTOR", "how fast it is beside others (1)", false},
    {"projects", 0, "LIST", "\"all\", or names: a,b:8 (b with at most 8 cpus)", false},
    {"cpus", 'c', "N", "processors a worker offers", false},
    {"memory", 'm', "SIZE", "memory a worker offers", false},
    {"gpus", 'g', "N", "GPUs a worker offers", false},
    {"slots", 0, "N", "tasks a worker runs at once", false},
    {"offer", 0, "NAME=N", "another resource a worker offers", true},
    {"accept-data", 0, "yes|no", "may copies of data be brought there", false},
    {"quota", 0, "SIZE|none", "bytes that copies may take there", false},
    {"labels", 0, "LIST|none", "what policies of datasets ask for: eu,hospital", false},
    {"direct-host", 0, "HOST", "how other sites reach it for direct transfers", false},
    {"direct-port", 0, "PORT", "port of that; what is left out of the three is as usual", false},
    {"direct-keys", 0, "FILE", "authorized keys that its sshd reads, / or ~/", false},
    {0},
};

static const struct option data_add_options[] = {
    {"project", 'p', "PROJECT", "project it belongs to (your only or first one)", false},
    {0},
};

static const struct option dry_options[] = {
    {"dry-run", 0, NULL, "check everything and do nothing", false},
    {0},
};

static const struct option copy_options[] = {
    {"wait", 0, NULL, "wait until it is there", false},
    {"dry-run", 0, NULL, "check everything and do nothing", false},
    {0},
};

static const struct option policy_options[] = {
    {"sites", 0, "LIST|any", "the only sites where it may be", false},
    {"labels", 0, "LIST|any", "labels that a site must have, all of them", false},
    {"dry-run", 0, NULL, "check everything and change nothing", false},
    {0},
};

static const struct option transfers_options[] = {
    {"dataset", 0, "DATASET", "only of this dataset", false},
    {"site", 's', "SITE", "only to or from this site", false},
    {"state", 0, "STATE", "only in this state: queued, active, verifying, done, failed, cancelled", false},
    {"limit", 0, "N", "at most so many (50)", false},
    {0},
};

static const struct option data_put_options[] = {
    {"site", 's', "SITE", "where the files go (the site with most room)", false},
    {"project", 'p', "PROJECT", "whose dataset it is", false},
    {"new-version", 0, NULL, "make the next version of a dataset that is there", false},
    {"labels", 0, "LIST", "labels that a site must have to hold it or to run what reads it", false},
    {"no-wait", 0, NULL, "end when all is at the server, not when it is at its site", false},
    {0},
};

static const struct option data_import_options[] = {
    {"project", 'p', "PROJECT", "whose dataset it is", false},
    {"new-version", 0, NULL, "make the next version of a dataset that is there", false},
    {0},
};

static const struct option data_fetch_options[] = {
    {"site", 's', "SITE", "which site fetches them (the one with most room)", false},
    {"project", 'p', "PROJECT", "whose dataset it is", false},
    {"new-version", 0, NULL, "make the next version of a dataset that is there", false},
    {0},
};

static const struct option data_list_options[] = {
    {"name", 0, "NAME", "only of this name; align* is how it starts", false},
    {"project", 'p', "PROJECT", "only of this project", false},
    {"site", 's', "SITE", "only what lies, or partly lies, there", false},
    {"state", 0, "STATE", "open or sealed", false},
    {"policy", 0, "LABEL", "only with a policy that asks for this label; any, none", false},
    {"expiring", 0, "TIME", "only what expires within this time: 7d", false},
    {"user", 'u', "USER", "only what this user made", false},
    {"limit", 0, "N", "at most so many (100,000)", false},
    {0},
};

static const struct option data_show_options[] = {
    {"lineage", 0, NULL, "show what it was made from and what was made from it", false},
    {"depth", 0, "N", "so many steps of that (3)", false},
    {0},
};

static const struct option url_allow_options[] = {
    {"site", 's', "SITE", "only at this site", false},
    {"private", 0, NULL, "also when the host has a private or local address", false},
    {"redirect", 0, "PREFIX", "what it may lead on to; again for more", true},
    {0},
};

static const struct option link_set_options[] = {
    {"budget", 0, "SIZE|none", "bytes per second that transfers may take there", false},
    {"at-once", 0, "N|none", "transfers at once", false},
    {"from-budget", 0, "SIZE|none", "the same, as the source says", false},
    {"from-at-once", 0, "N|none", "the same, as the source says", false},
    {"to-budget", 0, "SIZE|none", "the same, as the destination says", false},
    {"to-at-once", 0, "N|none", "the same, as the destination says", false},
    {"direct", 0, "yes|no", "may the destination fetch by itself", false},
    {"dry-run", 0, NULL, "check everything and change nothing", false},
    {0},
};

static const struct option get_options[] = {
    {"file", 'f', "PATTERN", "only files that match, like '*.sam'", true},
    {"list", 0, NULL, "list the files instead of fetching them", false},
    {"force", 0, NULL, "replace files that differ", false},
    {0},
};

static const struct option project_options[] = {
    {"share", 0, "N", "weight in fair share (1)", false},
    {"max-cpus", 0, "N|none", "processors at once at most", false},
    {"max-tasks", 0, "N|none", "tasks at once at most", false},
    {"max-live", 0, "N|none", "tasks at most that have not ended", false},
    {0},
};

static const struct option member_options[] = {
    {"role", 0, "ROLE", "viewer, submitter or admin (as it is; submitter for somebody new)", false},
    {"max-live", 0, "N|none", "tasks of the user at most that have not ended", false},
    {0},
};

static const struct option invite_options[] = {
    {"project", 'p', "PROJECT", "the project to join", false},
    {"project-role", 0, "ROLE", "role there: viewer, submitter or admin (submitter)", false},
    {"role", 0, "ROLE", "role altogether, which only an admin may give", false},
    {"valid", 0, "TIME", "how long the link works (72h)", false},
    {"note", 0, "TEXT", "for whom", false},
    {0},
};

static const struct option of_project_options[] = {
    {"project", 'p', "PROJECT", "those of this project, for its admin", false},
    {0},
};

static const struct option audit_options[] = {
    {"actor", 0, "USER", "only what this user did", false},
    {"action", 0, "TEXT", "only actions that begin so: 'POST /v1/sites'", false},
    {"project", 'p', "PROJECT", "only about this project", false},
    {"site", 's', "SITE", "only about this site", false},
    {"since", 0, "TIME", "then or later: a time, or how long ago, 2d", false},
    {"until", 0, "TIME", "before then", false},
    {"limit", 0, "N", "at most so many (50)", false},
    {0},
};

static const struct option verify_options[] = {
    {"from", 0, "ROW", "begin at this row (1)", false},
    {0},
};

static const struct option admin_config_options[] = {
    {"all", 'a', NULL, "also what is as by default", false},
    {0},
};

static const struct option user_options[] = {
    {"role", 0, "ROLE", "viewer, submitter or admin (submitter)", false},
    {"project", 'p', "PROJECT", "a project to be member of", true},
    {0},
};

static const struct option notices_options[] = {
    {"all", 'a', NULL, "also those that were seen before", false},
    {"keep", 0, NULL, "leave them new", false},
    {"limit", 0, "N", "at most so many (20)", false},
    {0},
};

static const struct option subscription_options[] = {
    {"on", 0, "KIND", "what to hear of (job.succeeded and job.failed); again for more", true},
    {"name", 0, "NAME", "what to call it", false},
    {"everybody", 0, NULL, "of all jobs that you may see, not only your own", false},
    {"project", 'p', "PROJECT", "only jobs of this project", false},
    {"job", 0, "JOB", "only this job", false},
    {"site", 's', "SITE", "only this site", false},
    {0},
};

static const struct option token_options[] = {
    {"scope", 0, "SCOPE", "it may only this: jobs:read, or several with commas; again for more", true},
    {"project", 'p', "PROJECT", "it sees this project only", false},
    {"expires", 0, "TIME", "when it ends: 90d, or 2026-12-31T00:00:00Z", false},
    {"user", 'u', "USER", "for another user (admin)", false},
    {0},
};

static const struct option login_options[] = {
    {"token-file", 0, "FILE", "read a token from a file (\"-\": standard input) instead of asking", false},
    {"expires", 0, "TIME", "when the token that is made ends (90d)", false},
    {0},
};

static const struct option api_options[] = {
    {"data", 'd', "JSON", "body; @FILE reads a file, @- standard input", false},
    {"idempotency-key", 0, "KEY", "send this Idempotency-Key", false},
    {0},
};

static const struct option events_options[] = {
    {"follow", 'f', NULL, "go on as they happen", false},
    {"job", 'j', "JOB", "only of this job", false},
    {"site", 's', "SITE", "only of this site", false},
    {"limit", 0, "N", "at most so many (30)", false},
    {0},
};

static const struct option rerun_options[] = {
    {"failed", 0, NULL, "only the tasks that failed", false},
    {"wait", 0, NULL, "wait for the end and return the job's exit code", false},
    {"dry-run", 0, NULL, "check everything and store nothing", false},
    {0},
};

static const struct option top_options[] = {
    {"once", 0, NULL, "print one picture and end", false},
    {0},
};

static const struct option queue_options[] = {
    {"project", 'p', "PROJECT", "only of this project", false},
    {"limit", 0, "N", "at most so many (20)", false},
    {0},
};

static const struct option account_options[] = {
    {"project", 'p', "PROJECT", "the account of this project", false},
    {0},
};

static const struct option worker_options[] = {
    {"site", 's', "SITE", "only of this site", false},
    {0},
};

static const struct option open_options[] = {
    {"print", 0, NULL, "only print the address", false},
    {0},
};

static const struct option help_options[] = {
    {"manual", 0, NULL, "all commands in scdoc's language, as in the manual", false},
    {0},
};

const struct command commands[] = {
    {"run", "[OPTIONS] SCRIPT [ARGS] | -- COMMAND [ARGS] | -f FILE",
     "Submit a job, show what it prints, and end with its exit code.",
     "Ctrl-C cancels the job; a second one leaves without waiting.\n\n"
     "  reeve run -- hostname\n"
     "  reeve run --cpus 4 --memory 2G --input lambda align.sh\n",
     job_options, run_options, 0, -1, true, cmd_run},
    {"submit", "[OPTIONS] SCRIPT [ARGS] | -- COMMAND [ARGS] | -f FILE", "Submit a job and print its number.",
     "A script of yours is sent along; behind \"--\" stands a program of the site, which\n"
     "runs without a shell. A file holds one job or a list of them (see\n"
     "reeve-job(5)).\n\n"
     "  reeve submit --array 1-100 --output '*.sam' align.sh\n"
     "  reeve submit --after 12 --time 2h -- /opt/bin/merge result\n"
     "  reeve submit -f job.yaml --dry-run\n",
     job_options, submit_options, 0, -1, true, cmd_submit},
    {"template list", "[OPTIONS]", "List jobs with parameters that are kept.", NULL, template_list_options,
     NULL, 0, 0, false, cmd_template_list},
    {"template show", "TEMPLATE", "Show one: its parameters, and its job.",
     "Of several of one name yours is meant; another is PROJECT/NAME.", NULL, NULL, 1, 1, false,
     cmd_template_show},
    {"template save", "-f FILE [OPTIONS]", "Keep a job with parameters.",
     "The file has the members name, description, project (whose members see it; else\n"
     "only you do), parameters and job; {{names}} in the texts of the job stand for\n"
     "parameters. See: reeve-job(5).\n\n"
     "  reeve template save -f align.yaml --replace\n",
     template_save_options, NULL, 0, 0, false, cmd_template_save},
    {"template run", "TEMPLATE [--set NAME=VALUE ...] [OPTIONS]", "Submit the job that a template makes.",
     "  reeve template run align --set reads=lambda --set cores=8 --wait\n", template_run_options,
     submit_options, 1, 1, false, cmd_template_run},
    {"template remove", "TEMPLATE", "Remove a template.", NULL, NULL, NULL, 1, 1, false, cmd_template_remove},
    {"progress", "FRACTION [TEXT ...]", "Inside a job: say how far it is.",
     "FRACTION is percent, a ratio, or - for words alone.\n\n"
     "  reeve progress 37 phase 2\n"
     "  reeve progress 3/8\n",
     NULL, NULL, 1, -1, true, cmd_progress},
    {"jobs", "[OPTIONS] [JOBS]", "List jobs, newest first.",
     "  reeve jobs --state failed --limit 100\n"
     "  reeve jobs 10-20,31 -o csv\n"
     "  reeve jobs --state active --watch\n",
     jobs_options, NULL, 0, -1, false, cmd_jobs},
    {"show", "JOB[.TASK] ...", "Show a job with its tasks, or a task with all its attempts.", NULL,
     show_options, NULL, 1, -1, false, cmd_show},
    {"explain", "[OPTIONS] JOB[.TASK[#ATTEMPT]]",
     "Say why a job waits, when it is likely to start and what would help, or why it ran where it ran.",
     "  reeve explain 12\n"
     "  reeve explain 12 --what-if memory=64G --what-if sites=alpha,beta\n",
     explain_options, NULL, 1, 1, false, cmd_explain},
    {"logs", "[OPTIONS] JOB[.TASK[#ATTEMPT]]", "Print what a task printed.",
     "Control characters and escape sequences are filtered unless --raw is given.\n\n"
     "  reeve logs 12.7 --tail 20 -f\n"
     "  reeve logs '12.7#2' --stderr\n",
     logs_options, NULL, 1, 1, false, cmd_logs},
    {"wait", "[OPTIONS] JOB[.TASK] ...", "Wait for jobs to end, and return their exit code (the highest).",
     NULL, wait_options, NULL, 1, -1, false, cmd_wait},
    {"top", "[OPTIONS]", "Watch the grid on one screen: rates, sites, jobs, running tasks.",
     "Keys: q leaves, p pauses, space looks at once.\n", top_options, NULL, 0, 0, false, cmd_top},
    {"queue", "[OPTIONS]", "Show who is served next, and how projects share.", NULL, queue_options, NULL, 0,
     0, false, cmd_queue},
    {"events", "[OPTIONS]", "Show what happened, oldest first.", NULL, events_options, NULL, 0, 0, false,
     cmd_events},
    {"open", "[JOB[.TASK]]", "Print the address of a job's page, and open it where there is a desktop.", NULL,
     open_options, NULL, 0, 1, false, cmd_open},
    {"cancel", "JOB[.TASK] ... | FILTER", "Cancel jobs or tasks.",
     "With a filter instead of numbers it asks first.\n\n"
     "  reeve cancel last\n"
     "  reeve cancel 10-20,31.5\n"
     "  reeve cancel --label sweep=3 --dry-run\n",
     bulk_options, NULL, 0, -1, false, cmd_cancel},
    {"hold", "JOB ... | FILTER", "Keep jobs from starting more tasks.", NULL, bulk_options, NULL, 0, -1,
     false, cmd_hold},
    {"release", "JOB ... | FILTER", "Let held jobs go on.", NULL, bulk_options, NULL, 0, -1, false,
     cmd_release},
    {"rerun", "[OPTIONS] JOB ...", "Submit ended jobs again, whole or only the tasks that failed.",
     "The new job has the label rerun_of with the old one's number.\n\n"
     "  reeve rerun 12 --failed\n",
     rerun_options, NULL, 1, -1, false, cmd_rerun},
    {"get", "[OPTIONS] JOB[.TASK]|DATASET [DIR]",
     "Fetch the outputs of a job or the files of a dataset, with their checksums verified.",
     "An interrupted fetch goes on where it stopped when it is started again.\n\n"
     "  reeve get 12 results\n"
     "  reeve get lambda --file '*.fa'\n",
     get_options, NULL, 1, 2, false, cmd_get},
    {"data list", "[OPTIONS]", "List datasets, newest first.", NULL, data_list_options, NULL, 0, 0, false,
     cmd_data_list},
    {"data show", "DATASET", "Show where a dataset lies and what is in it.",
     "A name stands for its newest version; NAME@2 is the second one.\n", data_show_options, NULL, 1, 1,
     false, cmd_data_show},
    {"data put", "NAME PATH ... [OPTIONS]", "Send files: a new dataset at a site.",
     "A directory stands for what is below it. Interrupted, it goes on where it\n"
     "stopped when it is started again.\n\n"
     "  reeve data put reads run-7/\n"
     "  reeve data put -s alpha --new-version reads run-8/*.fastq.gz\n",
     data_put_options, NULL, 2, -1, false, cmd_data_put},
    {"data import", "NAME SITE:PATH LISTING ...",
     "Register files of a list that lie at a site, without reading them.",
     "A listing is CSV (path,size,sha256) or a JSON object a line; - is standard\n"
     "input. Paths are below PATH; without checksums use data add.\n\n"
     "  reeve data import archive alpha:/data/archive list.csv\n",
     data_import_options, NULL, 3, -1, false, cmd_data_import},
    {"data fetch", "NAME URL|LISTING ... [OPTIONS]", "Let a site fetch files by HTTP: a new dataset there.",
     "A listing has the columns url,path,size,sha256 (a header says which), or is a\n"
     "JSON object a line. Admins say from where: reeve url allow.\n\n"
     "  reeve data fetch hg38 https://data.example.org/pub/hg38.fa.gz\n",
     data_fetch_options, NULL, 2, -1, false, cmd_data_fetch},
    {"url list", "", "List from where files may be fetched.", NULL, NULL, NULL, 0, 0, false, cmd_url_list},
    {"url allow", "PREFIX [OPTIONS]", "Let files be fetched from addresses that begin so (admin).",
     "  reeve url allow https://data.example.org/pub/\n", url_allow_options, NULL, 1, 1, false,
     cmd_url_allow},
    {"url forbid", "ID", "Take such a permission back (admin).", NULL, NULL, NULL, 1, 1, false,
     cmd_url_forbid},
    {"link show", "FROM TO", "Show what is known of the link between two sites.", NULL, NULL, NULL, 2, 2,
     false, cmd_link_show},
    {"link set", "FROM TO [OPTIONS]", "Say what transfers may take of a link.",
     "An admin says it of the whole link, who governs an end of what that end says;\n"
     "the smallest counts. --direct is for the source.\n\n"
     "  reeve link set alpha beta --budget 50M --at-once 4\n"
     "  reeve link set alpha beta --to-budget 20M\n",
     link_set_options, NULL, 2, 2, false, cmd_link_set},
    {"data add", "NAME SITE:PATH", "Register files that lie at a site: they are read and checksummed there.",
     "  reeve data add lambda alpha:/data/genomes/lambda\n", data_add_options, NULL, 2, 2, false,
     cmd_data_add},
    {"where", "DATASET", "Show for each site what of a dataset is there, and how soon the rest could be.",
     "  reeve where lambda\n", NULL, NULL, 1, 1, false, cmd_where},
    {"data copy", "DATASET SITE [OPTIONS]", "Bring a dataset to a site ahead of demand.",
     "  reeve data copy lambda beta --wait\n", copy_options, NULL, 2, 2, false, cmd_data_copy},
    {"data evict", "DATASET SITE [OPTIONS]", "Let the copy of a dataset at a site go.",
     "Only a copy that Reeve made goes, and never the last complete one, one that is\n"
     "pinned, or one that a live job reads.\n",
     dry_options, NULL, 2, 2, false, cmd_data_evict},
    {"data pin", "DATASET SITE [OPTIONS]", "Keep a dataset at a site: it is not evicted there.", NULL,
     dry_options, NULL, 2, 2, false, cmd_data_pin},
    {"data unpin", "DATASET SITE [OPTIONS]", "Let a dataset be evicted at a site again.", NULL, dry_options,
     NULL, 2, 2, false, cmd_data_unpin},
    {"data expire", "DATASET TIME|never [OPTIONS]", "Say when a dataset is removed from the catalog.",
     "It goes then, or as soon as no live job reads it and nobody pinned it.\n\n"
     "  reeve data expire scratch 30d\n",
     dry_options, NULL, 2, 2, false, cmd_data_expire},
    {"data policy", "DATASET [OPTIONS]", "Say where a dataset may be, and what reads it may run.",
     "Refused while something of it lies elsewhere: evict that first.\n\n"
     "  reeve data policy patients --labels hospital\n"
     "  reeve data policy patients --sites any\n",
     policy_options, NULL, 1, 1, false, cmd_data_policy},
    {"data transfers", "[OPTIONS]", "List data on its way and what was moved, newest first.", NULL,
     transfers_options, NULL, 0, 0, false, cmd_data_transfers},
    {"data cancel", "TRANSFER ... [OPTIONS]", "Stop transfers.", NULL, dry_options, NULL, 1, -1, false,
     cmd_data_cancel},
    {"data links", "", "List what is known of the links between sites.", NULL, NULL, NULL, 0, 0, false,
     cmd_data_links},
    {"data remove", "DATASET", "Forget a dataset; its files stay where they are.", NULL, NULL, NULL, 1, 1,
     false, cmd_data_remove},
    {"site list", "", "List sites with their health, capacity and use.", NULL, NULL, NULL, 0, 0, false,
     cmd_site_list},
    {"site show", "SITE", "Show a site: hosts, keys, accounts, workers.", NULL, NULL, NULL, 1, 1, false,
     cmd_site_show},
    {"site add", "NAME USER@HOST[:PORT] [OPTIONS]", "Register a site, test it and open it.",
     "Confirms the host key, shows the one line for authorized_keys, waits until it is\n"
     "in place, tests everything and opens the site. Run again, it goes on where it\n"
     "stopped.\n\n"
     "  reeve site add alpha grid@login.example.org --jump me@bastion.example.org\n",
     site_add_options, NULL, 2, 2, false, cmd_site_add},
    {"site test", "SITE", "Test everything about a site, step by step.", NULL, NULL, NULL, 1, 1, false,
     cmd_site_test},
    {"site open", "SITE [OPTIONS]", "Let a site take work.", NULL, why_options, NULL, 1, 1, false,
     cmd_site_open},
    {"site resume", "SITE [OPTIONS]", "Let a draining or closed site take work again.", NULL, why_options,
     NULL, 1, 1, false, cmd_site_open},
    {"site drain", "SITE [OPTIONS]", "Finish what runs at a site, send nothing new.", NULL, why_options, NULL,
     1, 1, false, cmd_site_drain},
    {"site close", "SITE [OPTIONS]", "Stop what runs at a site, send nothing more, keep no connection.", NULL,
     why_options, NULL, 1, 1, false, cmd_site_close},
    {"site set", "SITE [OPTIONS]", "Change a site's limits, projects and offered resources.", NULL,
     site_set_options, NULL, 1, 1, false, cmd_site_set},
    {"site pin", "SITE [OPTIONS]", "Look at a site's host keys and confirm them.", NULL, pin_options, NULL, 1,
     1, false, cmd_site_pin},
    {"site remove", "SITE", "Remove a closed site.", NULL, NULL, NULL, 1, 1, false, cmd_site_remove},
    {"site host remove", "SITE HOST[:PORT]", "Take a host out of a site.", NULL, NULL, NULL, 2, 2, false,
     cmd_site_host_remove},
    {"site account remove", "SITE USER [OPTIONS]", "Take an account out of a site.", NULL, account_options,
     NULL, 2, 2, false, cmd_site_account_remove},
    {"site admin list", "SITE", "List who governs a site.", NULL, NULL, NULL, 1, 1, false,
     cmd_site_admin_list},
    {"site admin add", "SITE USER", "Let a user govern a site (admin).", NULL, NULL, NULL, 2, 2, false,
     cmd_site_admin_add},
    {"site admin remove", "SITE USER", "Let him govern it no more (admin).", NULL, NULL, NULL, 2, 2, false,
     cmd_site_admin_remove},
    {"worker list", "[OPTIONS]", "List workers: what runs on the hosts of the sites.", NULL, worker_options,
     NULL, 0, 0, false, cmd_worker_list},
    {"worker show", "WORKER", "Show a worker.", NULL, NULL, NULL, 1, 1, false, cmd_worker_show},
    {"worker drain", "WORKER [OPTIONS]", "Finish what runs there, send nothing new.", NULL, why_options, NULL,
     1, 1, false, cmd_worker_drain},
    {"worker resume", "WORKER [OPTIONS]", "Let a draining worker take work again.", NULL, why_options, NULL,
     1, 1, false, cmd_worker_resume},
    {"project list", "", "List projects with their shares and limits.", NULL, NULL, NULL, 0, 0, false,
     cmd_project_list},
    {"project add", "NAME [OPTIONS]", "Make a project.", NULL, project_options, NULL, 1, 1, false,
     cmd_project_add},
    {"project show", "PROJECT", "Show a project with its members and their limits.", NULL, NULL, NULL, 1, 1,
     false, cmd_project_show},
    {"project set", "PROJECT [OPTIONS]", "Change a project (admin).",
     "  reeve project set atlas --share 2 --max-cpus 400 --max-live none\n", project_options, NULL, 1, 1,
     false, cmd_project_set},
    {"project member set", "PROJECT USER [OPTIONS]", "Add a user to a project, or change what he is there.",
     "  reeve project member set atlas ann --role admin\n"
     "  reeve project member set atlas bob --max-live 1000\n",
     member_options, NULL, 2, 2, false, cmd_member_set},
    {"project member remove", "PROJECT USER", "Take a user out of a project.", NULL, NULL, NULL, 2, 2, false,
     cmd_member_remove},
    {"user list", "", "List users (admin).", NULL, NULL, NULL, 0, 0, false, cmd_user_list},
    {"user show", "USER", "Show a user with his projects (admin).", NULL, NULL, NULL, 1, 1, false,
     cmd_user_show},
    {"user add", "NAME [OPTIONS]", "Make a user (admin).",
     "  reeve user add ann --project atlas\n"
     "  reeve user reset ann        # a link with which she sets a password\n",
     user_options, NULL, 1, 1, false, cmd_user_add},
    {"user role", "USER ROLE", "Say what a user may altogether: viewer, submitter, admin (admin).", NULL,
     NULL, NULL, 2, 2, false, cmd_user_role},
    {"user disable", "USER", "Let a user in no more, by no way (admin).", NULL, NULL, NULL, 1, 1, false,
     cmd_user_disable},
    {"user enable", "USER", "Let a user in again (admin).", NULL, NULL, NULL, 1, 1, false, cmd_user_enable},
    {"user reset", "USER", "Print a link with which a user sets a new password, once (admin).", NULL, NULL,
     NULL, 1, 1, false, cmd_user_reset},
    {"user logout", "USER", "End all sessions of a user (admin).", NULL, NULL, NULL, 1, 1, false,
     cmd_user_logout},
    {"invitation create", "[OPTIONS]", "Print a link with which somebody new becomes a user, once.",
     "Who keeps a project invites into it; an admin may say a role beside that.\n\n"
     "  reeve invitation create --project atlas --note 'Eve, new in May'\n"
     "  reeve invitation create --role viewer --valid 7d\n",
     invite_options, NULL, 0, 0, false, cmd_invite},
    {"invitation list", "[OPTIONS]", "List invitations.", NULL, of_project_options, NULL, 0, 0, false,
     cmd_invitation_list},
    {"invitation revoke", "INVITATION [OPTIONS]", "Take an invitation back.", NULL, of_project_options, NULL,
     1, 1, false, cmd_invitation_revoke},
    {"token list", "[OPTIONS]", "List your tokens, or those for a project.", NULL, of_project_options, NULL,
     0, 0, false, cmd_token_list},
    {"token create", "NAME [OPTIONS]", "Make a token; it is shown once.",
     "Scopes: jobs:read, jobs:write, data:read, data:write, sites:read, sites:admin,\n"
     "metrics:read, people:read, people:admin, account:read, account:write. Without\n"
     "any it may everything that its user may.\n\n"
     "  reeve token create nightly --scope jobs:read,jobs:write --expires 90d\n"
     "  reeve token create grafana --scope metrics:read\n",
     token_options, NULL, 1, 1, false, cmd_token_create},
    {"token revoke", "TOKEN [OPTIONS]", "Revoke a token.", NULL, of_project_options, NULL, 1, 1, false,
     cmd_token_revoke},
    {"session list", "", "List the browsers in which you are signed in.", NULL, NULL, NULL, 0, 0, false,
     cmd_session_list},
    {"session end", "SESSION|all", "Sign a browser out, or all of them.", NULL, NULL, NULL, 1, 1, false,
     cmd_session_end},
    {"identity list", "", "List who you are where people sign in elsewhere.", NULL, NULL, NULL, 0, 0, false,
     cmd_identity_list},
    {"identity remove", "IDENTITY", "Take such a link away; linking is done on the account page.", NULL, NULL,
     NULL, 1, 1, false, cmd_identity_remove},
    {"password", "", "Set your password, asked for at the terminal.", NULL, NULL, NULL, 0, 0, false,
     cmd_password},
    {"admin audit list", "[OPTIONS]", "List who did what, newest first.",
     "An admin sees everything, others what is about their projects and sites, and\n"
     "what was done in their name.\n\n"
     "  reeve admin audit list --actor ann --since 2d\n"
     "  reeve admin audit list --action 'PATCH /v1/sites' -o csv\n",
     audit_options, NULL, 0, 0, false, cmd_audit_list},
    {"admin audit verify", "[OPTIONS]", "Compute the audit chain anew, and say whether it holds (admin).",
     "Prints the last row and its hash. Kept elsewhere, they show the next time that\n"
     "nothing before them was changed.\n\n"
     "  reeve admin audit verify >> /srv/elsewhere/reeve-audit\n",
     verify_options, NULL, 0, 0, false, cmd_audit_verify},
    {"admin config", "[OPTIONS]", "Show the settings of the server, and where each comes from (admin).",
     "  reeve admin config --all\n", admin_config_options, NULL, 0, 0, false, cmd_admin_config},
    {"notices", "[OPTIONS]", "Show what is new: jobs that ended, sites that went down.",
     "What is shown counts as seen. What is told, and where else: reeve subscription.", notices_options, NULL,
     0, 0, false, cmd_notices},
    {"subscription list", "", "List what you are told of, and how.", NULL, NULL, NULL, 0, 0, false,
     cmd_subscription_list},
    {"subscription add", "URL|ADDRESS|page [OPTIONS]",
     "Be told of something, by a webhook, mail, or the page.",
     "A webhook is posted a signed JSON document; the key is shown once. An address\n"
     "is used after the code that was mailed there came back.\n"
     "Kinds: job.succeeded, job.failed, job.cancelled, job.held, job.released,\n"
     "task.failed, site.up, site.suspect, site.down, site.alarm, worker.lost,\n"
     "transfer.failed, data.suspect.\n"
     "  reeve subscription add https://hooks.example.org/reeve --on job.failed\n"
     "  reeve subscription add ann@example.org --job 1234\n"
     "  reeve subscription add page --on site.down --site cluster\n",
     subscription_options, NULL, 1, 1, false, cmd_subscription_add},
    {"subscription confirm", "SUBSCRIPTION CODE", "Confirm an address with the code that was mailed there.",
     NULL, NULL, NULL, 2, 2, false, cmd_subscription_confirm},
    {"subscription test", "SUBSCRIPTION", "Send something now.", NULL, NULL, NULL, 1, 1, false,
     cmd_subscription_test},
    {"subscription sent", "SUBSCRIPTION", "Show what was sent, and what went wrong.", NULL, NULL, NULL, 1, 1,
     false, cmd_subscription_sent},
    {"subscription pause", "SUBSCRIPTION", "Be told nothing for the time being.", NULL, NULL, NULL, 1, 1,
     false, cmd_subscription_pause},
    {"subscription resume", "SUBSCRIPTION", "Be told again.", NULL, NULL, NULL, 1, 1, false,
     cmd_subscription_resume},
    {"subscription remove", "SUBSCRIPTION", "End a subscription.", NULL, NULL, NULL, 1, 1, false,
     cmd_subscription_remove},
    {"login", "[URL] [OPTIONS]", "Sign in, and keep a token for it.",
     "Asks for a name and a password, or for a code that the account page shows to who\n"
     "signed in there in any way; the token that is made lasts 90 days.\n\n"
     "URL and token are kept in ~/.config/reeve/config.yaml. REEVE_URL, REEVE_TOKEN\n"
     "and REEVE_TOKEN_FILE go before that file.\n",
     login_options, NULL, 0, 1, false, cmd_login},
    {"login-link", "", "Print a link that signs a browser in, once.", NULL, NULL, NULL, 0, 0, false,
     cmd_login_link},
    {"whoami", "", "Say who you are and where.", NULL, NULL, NULL, 0, 0, false, cmd_whoami},
    {"config show", "", "Show the settings of this program and where each comes from.", NULL, NULL, NULL, 0,
     0, false, cmd_config_show},
    {"config get", "SETTING", "Print one setting.", NULL, NULL, NULL, 1, 1, false, cmd_config_get},
    {"config set", "SETTING VALUE", "Keep a setting: url, or format (what -o is when it is not given).",
     "  reeve config set format wide\n", NULL, NULL, 2, 2, false, cmd_config_set},
    {"doctor", "",
     "Look at everything this program depends on, and print a report to hand on. An admin also hears what "
     "the server says of itself.",
     NULL, NULL, NULL, 0, 0, false, cmd_doctor},
    {"api", "[METHOD] PATH [-d JSON]", "Make a call to the API and print its reply.",
     "  reeve api /v1/jobs?limit=1\n"
     "  reeve api POST /v1/jobs/12/hold\n",
     api_options, NULL, 1, 2, false, cmd_api},
    {"completion", "SHELL", "Print a completion script for bash, zsh or fish.",
     "It completes commands, options, and live the numbers and names of jobs, sites\n"
     "and so on.\n\n"
     "  source <(reeve completion bash)\n"
     "  reeve completion fish > ~/.config/fish/completions/reeve.fish\n",
     NULL, NULL, 1, 1, false, cmd_completion},
    {"version", "", "Print the version of this program and of the server.", NULL, NULL, NULL, 0, 0, false,
     cmd_version},
    {"help", "[COMMAND]", "Print help.", NULL, help_options, NULL, 0, 3, false, cmd_help},
    {0},
};
