// SPDX-License-Identifier: Apache-2.0
// help_words.ts - the catalogue of errors (the codes of web/problem.c; a test compares), the glossary, recipes.

export interface ErrorWords {
  code: string;
  status: string[];
  means: string;
  fix: string;
}

export const errors: ErrorWords[] = [
  { code: "bad_input", status: ["400", "416", "422"], means: "The request is not as the server takes it: a path, a parameter, text that is no JSON (400), bytes that a file does not have (416), or members of the body (422).", fix: "Each entry of errors names the place (a JSON pointer, or ?name for a parameter) and what would be right. Unknown members are refused, with the nearest known name." },
  { code: "unauthorized", status: ["401"], means: "Nobody is signed in, or the token or session is unknown, expired or revoked.", fix: "Sign in again, or make a new token: reeve login-link prints a link for a browser, reeve token create a token." },
  { code: "denied", status: ["403"], means: "You are known, but your role, or what the token is limited to, does not allow this.", fix: "Ask an admin of the project, the site or the grid for the role that the API reference names for this route; or use a token with the scope it names." },
  { code: "not_found", status: ["404"], means: "There is no such thing, or it belongs to a project that you are not a member of: the two are not told apart on purpose.", fix: "Look at the spelling, and at the projects that you are a member of (reeve whoami)." },
  { code: "wrong_method", status: ["405"], means: "The path exists, but not with this method.", fix: "The header Allow lists the methods that it has." },
  { code: "conflict", status: ["409"], means: "The thing is not in the state that this needs: a name is taken, a job has ended, data is still needed, an idempotency key was used with another body.", fix: "The detail says what stands in the way. Look at the thing again, and decide with what you see." },
  { code: "too_large", status: ["413"], means: "The body is larger than 1 MiB (64 MiB where many things are sent at once).", fix: "Send less at once: several requests, or files as a dataset." },
  { code: "unsupported_type", status: ["415"], means: "The body is not of the type that the route takes.", fix: "Send Content-Type: application/json (application/octet-stream for the bytes of files)." },
  { code: "limit", status: ["429", "507"], means: "A named limit is reached: too many tries or streams (429), or the database's disk, the number of live jobs or the room for uploads (507).", fix: "429: wait as long as Retry-After says. 507: what is already accepted goes on; wait until something has ended, or ask an admin for room." },
  { code: "internal", status: ["500"], means: "Something is wrong in Reeve itself. Nothing of the request was kept.", fix: "Try once more; then tell an admin: the server's log says what happened, with the time of your request." },
  { code: "unavailable", status: ["503"], means: "A part that is needed does not answer now: the database, the engine or a site.", fix: "Try again after Retry-After. The page of the site says whether it is reachable; reeve doctor looks at the server." },
];

export const field_errors: [string, string][] = [
  ["missing", "a member that is needed is not there"],
  ["unknown", "there is no such member, resource or parameter; the detail names the nearest one"],
  ["type", "the value is of another kind: a text where a number is wanted"],
  ["range", "the value is too small, too large or too long"],
  ["format", "the value is not written as this is written: a time, a size, a name"],
  ["not_found", "it names something that there is not, or that you may not see"],
  ["conflict", "it does not go together with another part of the request, or with what is there"],
];

export const glossary: [string, string][] = [
  ["account", "the Unix account at a site that work runs under"],
  ["attempt", "one execution of a task on one worker; 1234.7#2 is the second one of task 7 of job 1234"],
  ["blame", "whose fault an end was: task, data, site, link, Reeve, user"],
  ["dataset", "a named set of files that does not change once it is sealed; what changes is a new version"],
  ["engine", "the part of the server that decides what runs where"],
  ["event", "a dated sentence about something that happened"],
  ["fair share", "the project that used least for its share is served first"],
  ["host", "one machine of a site that Reeve logs in to"],
  ["intent", "what a person asked: hold, cancel, drain, close; dated and named"],
  ["job", "what is submitted: a command or script with its rules; 1 to 10 million tasks"],
  ["lease", "how long an attempt may run without word from the scheduler"],
  ["link", "two sites and a direction, with what was learned of its rate and round trip"],
  ["lost", "an attempt that nobody heard of until its lease ran out; it runs again"],
  ["outcome", "how an attempt ended, exactly"],
  ["placement", "which tasks go where, and why: the cost in seconds, term by term"],
  ["policy", "where a dataset may be: only at these sites, or at sites with these labels"],
  ["priority", "orders the jobs of one project; other projects are not touched"],
  ["project", "who shares quota, fair share, accounts and what may be seen"],
  ["replica", "one copy of a file at a site, checked by its checksum"],
  ["shape", "what makes tasks alike: project, resources, inputs, constraints, time limit"],
  ["site", "one domain's computers, reached over SSH: a cluster, a laboratory, a workstation"],
  ["task", "one element of a job: 1234.7. A job that is no array has the one task 1"],
  ["throttle", "how many tasks of an array run at once: the 20 in 1-1000%20"],
  ["transfer", "data on its way from one site to another"],
  ["wait reason", "why a task was not placed yet: a stable code and a sentence"],
  ["worker", "the program at a site, under one account on one host, that runs attempts"],
];

export const recipes = (origin: string): { name: string; text: string }[] => [
  {
    name: "Shell",
    text: `export REEVE_URL=${origin} REEVE_TOKEN=reeve_...
id=$(curl -sf -H "Authorization: Bearer $REEVE_TOKEN" -H "Content-Type: application/json" \\
     -d '{"command":["hostname"],"array":"1-10"}' $REEVE_URL/v1/jobs | jq .id)
# waits until something changed, at most 30 s, instead of asking again and again
curl -sf -H "Authorization: Bearer $REEVE_TOKEN" "$REEVE_URL/v1/jobs?ids=$id&wait=30"`,
  },
  {
    name: "Python, standard library",
    text: `import json, os, urllib.request

def reeve(method, path, body=None):
    request = urllib.request.Request(os.environ["REEVE_URL"] + path, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + os.environ["REEVE_TOKEN"], "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)

job = reeve("POST", "/v1/jobs", {"command": ["python3", "fit.py"], "inputs": ["reads"], "outputs": ["*.csv"]})
print(reeve("GET", f"/v1/jobs/{job['id']}")["state"])`,
  },
  {
    name: "R",
    text: `library(httr2)
reeve <- function(path) request(Sys.getenv("REEVE_URL")) |> req_url_path(path) |>
  req_auth_bearer_token(Sys.getenv("REEVE_TOKEN"))
job <- reeve("/v1/jobs") |> req_body_json(list(command = list("Rscript", "fit.R"))) |>
  req_perform() |> resp_body_json()
(reeve(paste0("/v1/jobs/", job$id)) |> req_perform() |> resp_body_json())$state`,
  },
];
