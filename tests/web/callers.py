# SPDX-License-Identifier: Apache-2.0
"""Every route of the OpenAPI document, and how to call it: what stands for the parts of its path, and a body that is good."""
import re

# What stands for the parts of a path in braces.
PARTS = {("jobs", "id"): "{job}", ("jobs", "task"): "1", ("sites", "name"): "{site}", ("sites", "address"): "127.0.0.1", ("sites", "user"): "grid", ("workers", "id"): "{worker}",
         ("datasets", "name"): "{dataset}", ("transfers", "id"): "999999", ("subscriptions", "id"): "999999",
         ("links", "from"): "{site}", ("links", "to"): "{site}", ("url-prefixes", "id"): "999999", ("insights", "plot"): "jobs",
         ("calls", "id"): "999", ("projects", "name"): "{project}", ("projects", "id"): "999999", ("projects", "user"): "nobody",
         ("tokens", "id"): "999999", ("sessions", "id"): "999999", ("users", "name"): "sue", ("invitations", "id"): "999999", ("templates", "id"): "999999", ("me", "id"): "999999"}
BODIES = {("POST", "/v1/jobs"): {"command": ["true"], "project": "{project}"},
          ("POST", "/v1/jobs:script"): {"script": "#!/bin/sh\n"},
          ("POST", "/v1/templates"): {"name": "t1", "job": {"command": ["true"], "project": "{project}"}, "project": "{project}"},
          ("PUT", "/v1/templates/{id}"): {"name": "t1", "job": {"command": ["true"]}},
          ("POST", "/v1/jobs:bulk"): {"jobs": [{"command": ["true"], "project": "{project}"}]},
          ("POST", "/v1/jobs/{id}/priority"): {"priority": 1},
          ("POST", "/v1/sites"): {"name": "beta", "hosts": [{"address": "h"}], "accounts": [{"user": "u"}]},
          ("POST", "/v1/sites/{name}/hosts"): {"address": "h9"}, ("POST", "/v1/sites/{name}/accounts"): {"user": "u9"},
          ("POST", "/v1/sites/{name}/pin"): {"host": "h", "fingerprint": "SHA256:abcdefgh"},
          ("POST", "/v1/projects"): {"name": "three"}, ("POST", "/v1/users"): {"name": "nina", "role": "viewer"},
          ("POST", "/v1/tokens"): {"name": "t"}, ("POST", "/v1/notices:read"): {"up_to": 1},
          ("POST", "/v1/subscriptions"): {"way": "page", "kinds": ["job.failed"]}, ("POST", "/v1/subscriptions/{id}/confirm"): {"code": "x"},
          ("POST", "/v1/sites/{name}/admins"): {"user": "sue"}, ("POST", "/v1/projects/{name}/members"): {"user": "nobody"},
          ("POST", "/v1/invitations"): {"role": "viewer"}, ("PATCH", "/v1/users/{name}"): {"role": "submitter"},
          ("PUT", "/v1/me/views"): {"items": []},
          ("POST", "/v1/datasets/{name}/files"): {"files": [{"path": "a", "size": 1}]},
          ("PATCH", "/v1/datasets/{name}"): {"policy": {"sites": ["alpha"]}}, ("POST", "/v1/datasets/{name}/pin"): {"site": "alpha", "pinned": True},
          ("POST", "/v1/datasets/{name}/copy"): {"site": "alpha"}, ("POST", "/v1/datasets/{name}/evict"): {"site": "alpha"},
          ("POST", "/v1/datasets"): {"name": "new", "site": "alpha", "path": "/x", "project": "{project}"}}


def routes(w):
    document = w.s.ok("GET", "/v1/openapi.json", token=None)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield method.upper(), path, operation


class Things:
    """What the paths name: things of one project and one site."""

    def __init__(self, job, project, site, dataset, worker=1):
        self.job, self.project, self.site, self.dataset, self.worker = job, project, site, dataset, worker

    def put_in(self, value):
        if isinstance(value, str):
            return re.sub(r"\{(job|project|site|dataset|worker)\}", lambda m: str(vars(self)[m.group(1)]), value)
        if isinstance(value, list):
            return [self.put_in(v) for v in value]
        if isinstance(value, dict):
            return {k: self.put_in(v) for k, v in value.items()}
        return value


def call_as(w, who, method, path, operation, things=None):
    things = things or Things(w.job, "one", "alpha", "set")
    kind = re.split("[/:]", path)[2] if path.startswith("/v1/") else ""
    url = re.sub(r"\{(\w+)\}", lambda m: things.put_in(PARTS[kind, m.group(1)]), path)
    if any(p["name"] == "dry_run" for p in operation["parameters"]):
        url += "?dry_run=true"
    if (method, path) == ("PUT", "/v1/datasets/{name}/files"):
        return w.s.request(method, url + "?path=a&offset=0&size=1&sha256=" + "0" * 64, raw=b"x", token=w.tokens[who],
                           headers={"Content-Type": "application/octet-stream"})
    body = BODIES.get((method, path), {} if "requestBody" in operation else None)
    return w.s.request(method, url, things.put_in(body), token=w.tokens[who])
