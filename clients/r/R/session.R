# Sessions outlive R. On this machine a session is a local stack of its own, served by a process that
# stays; on a deployed stack it is the jobs whose ids begin with its id. What a session was asked for
# is noted in a file, so that another R on this machine knows it.

DAY_S <- 86400

#' Work that goes on when R has gone
#'
#' A session takes expressions and maps, runs them on its workers whether or not this R is there, and keeps their results until it expires.
#'
#' On this machine, a session has workers and a queue of its own, in a process that stays until the session is cleaned up or expired. On a deployed stack
#' (`STARBURST_QUEUE_URL`) its tasks are jobs of that stack, whose autoscaler sizes the fleet.
#'
#' @inheritParams starburst_map
#' @param absolute_timeout seconds after which the session ends and its results may vanish. Default: a day.
#' @return an object with
#'   \describe{
#'     \item{`submit(expr, envir, globals = TRUE, packages = NULL, seed = NULL)`}{sends an expression (or a quoted one, `quote(f(x))`), with the globals and
#'       packages that it needs; returns its id. When it returns, the queue has it.}
#'     \item{`map(.x, .f, ..., .seed = TRUE)`}{sends a call of `.f` for each element; returns the ids, one an element.}
#'     \item{`status()`}{counts: total, pending, running, completed, failed.}
#'     \item{`collect(wait = FALSE, timeout = 3600, wrap = FALSE)`}{what is there, a list in the order of submission, by id. A task that failed has its condition. With
#'       `wrap`, each is `list(value, error, stdout, conditions)`. The ids that have no result yet are the attribute `pending`.}
#'     \item{`extend(seconds = 3600)`}{moves the end to so many seconds from now, if that is later; returns the end.}
#'     \item{`cleanup(force = FALSE)`}{ends the session: what runs is stopped, its workers go. With `force`, its results on this machine are removed.}
#'   }
#' @seealso [starburst_session_attach()], [starburst_list_sessions()]
#' @examples
#' \dontrun{
#' s <- starburst_session(workers = 2)
#' s$submit(mean(rnorm(1e6)), seed = 1)
#' # … another day, another R:
#' s <- starburst_session_attach("r-20261124-…")
#' s$collect(wait = TRUE)
#' s$cleanup()
#' }
#' @export
starburst_session <- function(workers = 10, cpu = NULL, memory = NULL, launch_type = "FARGATE", spot = FALSE, timeout = NULL, max_cost = NULL, packages = NULL,
                              attempts = 3, absolute_timeout = DAY_S) {
  config <- fleet_config(workers, cpu, memory, launch_type, spot, timeout, max_cost, packages, attempts, label = "R session")
  life <- seconds(absolute_timeout, "absolute_timeout", 365 * DAY_S)
  if (is.null(life)) refuse("a session must end some time: absolute_timeout is a number of seconds")
  end_expired_sessions()
  now <- as.numeric(Sys.time())
  id <- sprintf("r-%s-%s", format(Sys.time(), "%Y%m%d-%H%M%S", tz = "UTC"), substr(random_token(), 1L, 6L))
  note <- list(id = id, config = config, created = now, expires = now + life, place = place_now())
  tryCatch(session_open(note, write = TRUE), error = function(e) {
    if (note$place == "local") stop_daemon(id, remove = TRUE)
    unlink(session_file(id))
    stop(e)
  })
}

# Where work goes now: a queue's URL, or this machine.
place_now <- function() if (has_stack()) Sys.getenv("STARBURST_QUEUE_URL") else "local"

#' Attach to a session
#'
#' @param session_id the id that `print()` shows, or [starburst_list_sessions()].
#' @return the session, see [starburst_session()]. A local one whose process has ended, at a restart of the machine, say, is started again and goes on.
#' @export
starburst_session_attach <- function(session_id) {
  end_expired_sessions(except = session_id)
  note <- session_note(session_id)
  if (is.null(note) && has_stack()) note <- session_from_stack(session_id)
  if (is.null(note)) refuse(sprintf("there is no session '%s'; starburst_list_sessions() lists them", session_id))
  if (note$place != place_now()) {
    refuse(sprintf("the session '%s' is on %s; %s", session_id, if (note$place == "local") "this machine" else note$place,
                   if (note$place == "local") "unset STARBURST_QUEUE_URL to reach it" else "set the environment of that stack to reach it"))
  }
  if (note$expires <= as.numeric(Sys.time())) refuse(sprintf("the session '%s' expired at %s", session_id, format(as.POSIXct(note$expires, origin = "1970-01-01"))))
  session_open(note, write = FALSE)
}

# A session that another machine has made: its jobs are known, its settings are not.
session_from_stack <- function(id) {
  jobs <- Filter(function(j) startsWith(j$job, paste0(id, ".")), jobs_listed("8760h"))
  if (length(jobs) == 0L) return(NULL)
  ends <- vapply(jobs, function(j) rfc3339(j$expires), 0)
  list(id = id, config = fleet_config(label = "R session"), created = min(vapply(jobs, function(j) rfc3339(j$created), 0)), expires = max(ends), place = place_now())
}

rfc3339 <- function(text) as.numeric(as.POSIXct(sub("\\..*$|Z$", "", text), format = "%Y-%m-%dT%H:%M:%S", tz = "UTC"))

session_dir <- function() file.path(tools::R_user_dir("starburst", "data"), "sessions")
session_file <- function(id) file.path(session_dir(), paste0(id, ".rds"))

session_note <- function(id) {
  if (!grepl("^[A-Za-z0-9._-]{1,64}$", id)) refuse(deparse1(id), " is not the id of a session")
  f <- session_file(id)
  if (file.exists(f)) readRDS(f)
}

write_note <- function(note) {
  dir.create(session_dir(), recursive = TRUE, showWarnings = FALSE, mode = "0700")
  part <- tempfile(".part-", session_dir())
  saveRDS(note, part)
  file.rename(part, session_file(note$id))
}

#' List the sessions
#'
#' Those that were made on this machine, and those on the stack that the environment describes.
#' @return a data frame: `session_id`, `place` (`"local"` or a queue), `created`, `expires`, `workers`.
#' @export
starburst_list_sessions <- function() {
  end_expired_sessions()
  ids <- sub("\\.rds$", "", list.files(session_dir(), "\\.rds$"))
  if (has_stack()) {
    jobs <- vapply(jobs_listed("8760h"), function(j) j$job, "")
    ids <- union(ids, unique(sub("\\.[0-9]{6}$", "", grep("^r-[0-9]{8}-[0-9]{6}-[0-9a-z]{6}\\.[0-9]{6}$", jobs, value = TRUE))))
  }
  notes <- Filter(Negate(is.null), lapply(sort(ids), function(id) if (is.null(n <- session_note(id))) session_from_stack(id) else n))
  time <- function(field) as.POSIXct(vapply(notes, function(n) n[[field]], 0), origin = "1970-01-01")
  data.frame(session_id = vapply(notes, function(n) n$id, ""), place = vapply(notes, function(n) n$place, ""), created = time("created"), expires = time("expires"),
             workers = vapply(notes, function(n) n$config$workers, 0L), stringsAsFactors = FALSE)
}

# Local sessions whose time is over are ended by whoever looks next: nobody else would.
end_expired_sessions <- function(except = NULL) {
  for (f in list.files(session_dir(), "\\.rds$", full.names = TRUE)) {
    note <- tryCatch(readRDS(f), error = function(e) NULL)
    if (is.null(note) || identical(note$id, except) || note$expires > as.numeric(Sys.time())) next
    if (note$place == "local") stop_daemon(note$id, remove = TRUE)
    unlink(f)
  }
}

state_dir <- function(id) {
  home <- Sys.getenv("XDG_STATE_HOME", file.path(path.expand("~"), ".local", "state"))
  file.path(home, "starburst", id)
}

# Ends the process that serves a local session's stack. It is the one that says so in the session's own directory.
stop_daemon <- function(id, remove) {
  running <- file.path(state_dir(id), "running.json")
  if (file.exists(running)) {
    pid <- tryCatch(jsonlite::fromJSON(running)$pid, error = function(e) NULL)
    if (length(pid) == 1L) {
      tools::pskill(pid, tools::SIGTERM)
      until <- Sys.time() + 25
      while (file.exists(running) && tools::pskill(pid, 0L) && Sys.time() < until) Sys.sleep(0.05)
    }
  }
  if (remove) unlink(state_dir(id), recursive = TRUE)
}

ms <- function(s) round(1000 * s)
