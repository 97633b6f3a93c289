#' What a map would take, here and on a fleet
#'
#' Runs a few elements here, in order to learn how long one takes, and plays the rest through the autoscaler on simulated workers (`starburst plan`).
#' @param .x,.f,... as for [starburst_map()].
#' @param sample_size how many elements are run here. They are drawn without touching R's generator.
#' @param workers,cpu,memory,spot as for [starburst()].
#' @return a list of class `starburst_estimate`: seconds and dollars on the fleet (likely, and the range over 20 runs in which nine of ten lie), seconds here on
#'   one core and on all, and whether it is worth it.
#' @export
starburst_estimate <- function(.x, .f, ..., workers = 10, cpu = NULL, memory = NULL, sample_size = 10, spot = FALSE) {
  config <- fleet_config(workers, cpu, memory, spot = spot)
  f <- as_map_function(.f)
  n <- length(.x)
  if (n == 0L) refuse("there is nothing to estimate: .x is empty")
  k <- min(n, whole(sample_size, "sample_size", 1, 1e6))
  at <- unique(round(seq(1, n, length.out = k)))
  times <- vapply(at, function(i) {
    t <- proc.time()[["elapsed"]]
    tryCatch(f(.x[[i]], ...), error = function(e) refuse(sprintf("element %d fails here: %s", i, conditionMessage(e))))
    proc.time()[["elapsed"]] - t
  }, 0)
  mean_s <- max(mean(times), 1e-4)
  cv <- if (length(times) > 1L && sum(times) > 0) stats_sd(times) / mean_s else 1
  args <- c("plan", "--tasks", n, "--task-time", sprintf("%.6fs", mean_s), "--cv", sprintf("%.3f", min(cv, 5)), "--workers", min(config$workers, n), "-o", "json",
            "--arg-bytes", length(serialize(.x[[1L]], NULL)))
  size <- config$size
  if (length(size)) args <- c(args, "--vcpu", 1000 * size$cpu, "--memory", 1024 * size$memory)
  plan <- cli_json(args, ok = c(0L, 7L))
  line <- plan$lines[[1L]]
  cores <- parallel::detectCores()
  structure(class = "starburst_estimate", list(
    tasks = n, task_seconds = mean_s, workers = line$peak, fleet_seconds = unlist(line$seconds), dollars = unlist(line$dollars) + sum(vapply(plan$besides_workers, function(b) b$cost$likely, 0)) / 1e12,
    here_seconds = n * mean_s, here_parallel_seconds = n * mean_s / cores, cores = cores, worth_it = unlist(line$seconds)[[2L]] < n * mean_s / cores))
}

stats_sd <- function(x) sqrt(sum((x - mean(x))^2) / (length(x) - 1))

#' @export
print.starburst_estimate <- function(x, ...) {
  cat(sprintf("%d calls of about %.3g s\n", x$tasks, x$task_seconds))
  cat(sprintf("  here:      %.0f s on one core, %.0f s on %d\n", x$here_seconds, x$here_parallel_seconds, x$cores))
  cat(sprintf("  on AWS:    %.0f s (%.0f to %.0f) on up to %d workers, about $%.3f\n", x$fleet_seconds[[2L]], x$fleet_seconds[[1L]], x$fleet_seconds[[3L]], x$workers, x$dollars[[2L]]))
  cat(if (x$worth_it) "  the fleet is sooner\n" else "  this machine is sooner\n")
  invisible(x)
}

# The price of a fleet's workers for so many seconds, in dollars.
fleet_price <- function(config, seconds) {
  size <- config$size
  args <- c("plan", "--tasks", config$workers, "--task-time", sprintf("%.3fs", max(1, seconds)), "--cv", "0", "--workers", config$workers, "-o", "json")
  if (length(size)) args <- c(args, "--vcpu", 1000 * size$cpu, "--memory", 1024 * size$memory)
  plan <- cli_json(args, ok = c(0L, 7L))
  plan$lines[[2L]]$dollars[[2L]]
}

#' Jobs of the stack
#'
#' @param job a job's id; without, the jobs of the last week.
#' @return a data frame with a row a job: what `starburst status -o json` says.
#' @export
starburst_status <- function(job = NULL) {
  rows <- if (is.null(job)) jobs_listed() else list(cli_json(c("status", "-o", "json", job), ok = c(0L, 3L, 8L)))
  keep <- c("job", "state", "handler", "tasks", "enqueued", "ok", "failed", "missing", "created", "expires", "label", "cost_pico_usd")
  cols <- lapply(keep, function(k) unlist(lapply(rows, function(r) if (is.null(r[[k]])) NA else r[[k]])))
  names(cols) <- keep
  d <- as.data.frame(lapply(cols, function(c) if (is.null(c)) logical() else c), stringsAsFactors = FALSE)
  d$cost_usd <- as.numeric(d$cost_pico_usd) / 1e12
  d$cost_pico_usd <- NULL
  d
}

# The stack's jobs, each as a list; since is a duration that the program understands.
jobs_listed <- function(since = "7d") cli_json(c("jobs", "ls", "-o", "json", "--since", since))$items

#' The vCPU quota of the account
#'
#' @return what `starburst quota -o json` says, as a list: limit, use and room of Fargate's vCPUs, On-Demand and Spot.
#' @export
starburst_quota_status <- function() cli_json(c("quota", "-o", "json"))

#' What workers have said
#'
#' The output of a local session's workers; on a deployed stack, CloudWatch Logs has it, and the way to it is named.
#' @param session a session, or its id.
#' @param last_n lines to return.
#' @return the last lines, invisibly; they are printed.
#' @export
starburst_logs <- function(session, last_n = 50) {
  id <- if (inherits(session, "starburst_session")) session$id else session
  note <- session_note(id)
  if (is.null(note)) refuse(sprintf("there is no session '%s'; starburst_list_sessions() lists them", id))
  if (note$place != "local") {
    refuse("the workers of a deployed stack write to CloudWatch Logs: aws logs tail --follow with the log group that Terraform's output names")
  }
  files <- list.files(state_dir(id), "\\.log$", recursive = TRUE, full.names = TRUE)
  lines <- unlist(lapply(files[order(file.mtime(files))], readLines, warn = FALSE))
  lines <- utils::tail(lines, whole(last_n, "last_n", 1, 1e6))
  cat(lines, sep = "\n")
  invisible(lines)
}

#' How this package finds its stack
#'
#' @return a list: `binary` (the starburst program), `version`, `place` (`"local"`, or the queue of the stack that the environment describes), `session_dir`.
#' @export
starburst_config <- function() {
  list(binary = starburst_binary(), version = sub("\\s+$", "", cli("version")), place = place_now(), session_dir = session_dir())
}

#' @rdname starburst_config
#' @return `starburst_is_configured()`: whether the program is there, and, where the environment describes a stack, whether that answers.
#' @export
starburst_is_configured <- function() {
  tryCatch({
    starburst_binary()
    if (has_stack()) jobs_listed("1s")
    TRUE
  }, starburst_error = function(e) FALSE)
}
