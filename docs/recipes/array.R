# SPDX-License-Identifier: Apache-2.0
# Rscript array.R FOLDER JOB.json: submit a job, wait for its end, and fetch its outputs into FOLDER.
# Needs the packages curl and jsonlite (Debian: r-cran-curl, r-cran-jsonlite).
#
# Where and who: REEVE_URL and REEVE_TOKEN_FILE, as for the command line. Ends with 0 when the job succeeded, 1 when it did not.

`%or%` <- function(x, other) if (is.null(x)) other else x

# The reply (status, headers, content). What was not reached, and what said "later", is tried again.
ask <- function(path, method = "GET", body = NULL, headers = list(), tries = 6) {
  token <- readLines(Sys.getenv("REEVE_TOKEN_FILE"), n = 1)
  handle <- curl::new_handle(customrequest = method, timeout = 90)
  if (!is.null(body)) {
    curl::handle_setopt(handle, postfields = body)
    headers[["Content-Type"]] <- "application/json"
  }
  curl::handle_setheaders(handle, .list = c(list(Authorization = paste("Bearer", token)), headers))
  for (left in rev(seq_len(tries) - 1)) {
    reply <- tryCatch(curl::curl_fetch_memory(paste0(Sys.getenv("REEVE_URL"), path), handle), error = identity)
    if (inherits(reply, "error")) {
      if (left == 0) stop(conditionMessage(reply), call. = FALSE)
      Sys.sleep(2)
      next
    }
    reply$headers <- curl::parse_headers_list(reply$headers)
    if (!(reply$status_code %in% c(429, 503)) || left == 0) break
    Sys.sleep(as.numeric(reply$headers[["retry-after"]] %or% 2))
  }
  if (reply$status_code >= 400) {
    problem <- jsonlite::fromJSON(rawToChar(reply$content), simplifyVector = FALSE)
    wrong <- vapply(problem$errors, function(e) paste0("\n  ", e$pointer, ": ", e$detail), "")
    stop(problem$title, ": ", problem$detail, wrong, call. = FALSE)
  }
  reply
}

document <- function(reply) jsonlite::fromJSON(rawToChar(reply$content), simplifyVector = FALSE)

# The key makes a second try of the same submission harmless: it answers with the first job.
submit <- function(file) {
  key <- paste(format(Sys.time(), "%Y%m%d%H%M%OS6"), Sys.getpid(), sep = "-")
  body <- readChar(file, file.size(file), useBytes = TRUE)
  document(ask("/v1/jobs", "POST", body, list("Idempotency-Key" = key)))$id
}

# Each question says what was seen last (ETag) and is answered when that changed, or after 30 seconds.
watch <- function(id) {
  etag <- '""'
  repeat {
    reply <- ask(sprintf("/v1/jobs/%d?wait=30", id), headers = list("If-None-Match" = etag))
    etag <- reply$headers[["etag"]]
    if (reply$status_code == 304) next
    job <- document(reply)
    message(sprintf("%s: %d of %d done, %d running, %d failed", job$state, job$tasks$succeeded, job$tasks$total,
                    job$tasks$running, job$tasks$failed), if (!is.null(job$wait)) paste0("; ", job$wait$sentence))
    if (job$state %in% c("succeeded", "failed", "cancelled")) return(job$state)
  }
}

tell_failures <- function(id) {
  for (task in document(ask(sprintf("/v1/jobs/%d/tasks?state=failed&limit=5", id)))$items) {
    log <- ask(sprintf("/v1/jobs/%d/tasks/%d/log?stream=stderr&offset=-2000", id, task$task))
    message("--- the end of what task ", task$task, " wrote to standard error\n", rawToChar(log$content))
  }
}

# A file of a dataset, by pieces; it gets its name when it is whole.
fetch <- function(dataset, path, target, size) {
  dir.create(dirname(target), recursive = TRUE, showWarnings = FALSE)
  part <- paste0(target, ".part")
  out <- file(part, "wb")
  seen <- 0
  while (seen < size) {
    piece <- ask(sprintf("/v1/datasets/%s/content?path=%s&offset=%.0f", curl::curl_escape(dataset), curl::curl_escape(path), seen))
    writeBin(piece$content, out)
    seen <- seen + length(piece$content)
  }
  close(out)
  invisible(file.rename(part, target))
}

fetch_outputs <- function(id, folder) {
  cursor <- ""
  while (!is.null(cursor)) {
    page <- document(ask(sprintf("/v1/jobs/%d/outputs?limit=1000%s", id, if (nzchar(cursor)) paste0("&cursor=", cursor) else "")))
    for (item in page$items) {
      fetch(page$dataset, item$path, file.path(folder, item$path), item$size)
      cat(item$path, "\n", sep = "")
    }
    cursor <- page$next_cursor
  }
}

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) != 2) stop("usage: Rscript array.R FOLDER JOB.json", call. = FALSE)
id <- submit(arguments[2])
message("job ", id)
if (watch(id) == "succeeded") {
  fetch_outputs(id, arguments[1])
} else {
  tell_failures(id)
  quit(status = 1)
}
