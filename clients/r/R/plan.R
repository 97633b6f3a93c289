# The future backend for package future below 1.40, where a strategy is a function that makes
# futures; backend.R has the one for newer versions, which share the functions below.

#' Run futures on a Starburst fleet
#'
#' `plan(starburst, workers = 10)` makes [future::future()] and all that is built on it (future.apply, furrr, doFuture) run on workers: on
#' the stack that the environment describes (`STARBURST_QUEUE_URL` and so on), else on processes of this machine, which come up when they are
#' needed and go when they are not.
#'
#' Futures are packed into messages by what the fleet can take, so that ten thousand small ones are cheap: do not chunk by hand. A future whose
#' worker dies is run again on another, so it must not matter if it runs twice. `max_cost` holds for the plan as a whole: what would go beyond it
#' is refused, and what runs is stopped.
#'
#' @param ... passed to [future::future()].
#' @param expr,substitute,envir as for [future::future()]; plan() never needs them.
#' @param workers the most workers at once. Default: 10.
#' @param cpu,memory size of a worker, as Fargate sells them: vCPUs, and GB or a text such as `"8GB"`. The workers of a deployed stack have the size
#'   that it was deployed with; here they are checked, and priced. Default: what the stack says.
#' @param launch_type `"FARGATE"`. `"EC2"` is refused, with the reason.
#' @param spot whether prices are those of Fargate Spot; whether a stack uses it is part of its deployment.
#' @param timeout time limit of one future, in seconds, up to 42300. Default: none.
#' @param max_cost what all futures of the plan together may cost, in dollars. Default: no cap.
#' @param worker_packages packages that every future needs, beside those that are found in its code. They are loaded when a worker starts.
#' @param packages of one future, as for [future::future()]; the found ones come in by it.
#' @param attempts how often a future is run in all when its worker dies. Default: 3.
#' @return a future.
#' @seealso [starburst_map()], [starburst_session()], [starburst_shutdown()]
#' @examples
#' \dontrun{
#' library(starburst)
#' plan(starburst, workers = 2)
#' x <- furrr::future_map_dbl(1:100, function(i) mean(rnorm(1e4)), .options = furrr::furrr_options(seed = TRUE))
#' }
#' @export
starburst <- function(expr, substitute = TRUE, envir = parent.frame(), ..., workers = 10, cpu = NULL, memory = NULL, launch_type = "FARGATE",
                      spot = FALSE, timeout = NULL, max_cost = NULL, worker_packages = NULL, attempts = 3, packages = NULL) {
  if (substitute) expr <- substitute(expr)
  args <- list(...)
  wanted <- list(workers = workers, cpu = cpu, memory = memory, launch_type = launch_type, spot = spot, timeout = timeout, max_cost = max_cost,
                 packages = worker_packages, attempts = attempts)
  # Before futures are made of it, plan() tests a strategy with one. It starts what has to be started, and no worker.
  if (identical(args$label, "future-plan-test")) {
    fleet_for(plan_config(wanted))
    return(future::sequential(expr, substitute = FALSE, envir = envir, ...))
  }
  f <- future::MultiprocessFuture(expr = expr, substitute = FALSE, envir = envir, packages = packages, ...)
  f$starburst <- wanted
  class(f) <- c("StarburstFuture", class(f))
  if (!f$lazy) f <- future::run(f)
  invisible(f)
}
class(starburst) <- c("starburst", "multiprocess", "future", "function")
attr(starburst, "init") <- TRUE
attr(starburst, "tweakable") <- c("workers", "cpu", "memory", "launch_type", "spot", "timeout", "max_cost", "worker_packages", "attempts")

# The checked configuration of a plan; the last one again when the same is wanted, which it is for each future.
plan_config <- function(wanted) {
  if (!identical(wanted, the$wanted)) {
    the$checked <- do.call(fleet_config, c(wanted, label = "R"))
    the$wanted <- wanted
  }
  the$checked
}

#' @export
nbrOfWorkers.starburst <- function(evaluator) {
  workers <- eval(formals(evaluator)$workers, enclos = baseenv())
  if (is.function(workers)) workers <- workers()
  whole(workers, "workers", 1, 10000)
}

#' @export
nbrOfFreeWorkers.starburst <- function(evaluator, background = FALSE, ...) {
  n <- nbrOfWorkers.starburst(evaluator)
  busy <- sum(vapply(the$fleets, function(f) length(f$waiting), 0L))
  max(0L, n - busy)
}

#' @export
run.StarburstFuture <- function(future, ...) {
  if (future$state != "created") stop(future::FutureError(sprintf("A future ('%s') can only be launched once.", label_of(future)), future = future))
  expr <- future::getExpression(future, mc.cores = 1L)
  launch(future, plan_config(future$starburst), "future", list(expr = expr, globals = future$globals), future$packages)
}

# Sends a future to the fleet.
launch <- function(future, config, kind, value, packages) {
  task <- tryCatch(pack_task(kind, value, c(packages, config$packages), sprintf("the future '%s'", label_of(future)), future$globals),
                   starburst_error = function(e) stop(future::FutureError(conditionMessage(e), future = future)))
  fleet <- fleet_for(config)
  id <- tryCatch(fleet_put(fleet, list(task)), starburst_error = function(e) NULL)
  if (is.null(id)) { # its process was killed; what it had is lost, this future is not
    fleet <- fleet_for(config)
    id <- fleet_put(fleet, list(task))
  }
  future$fleet <- fleet
  future$task <- id
  future$state <- "running"
  invisible(future)
}

label_of <- function(future) if (is.null(future$label)) "<none>" else future$label

#' @export
resolved.StarburstFuture <- function(x, ...) {
  if (x$state == "created" || !is.null(x$result)) return(NextMethod())
  assert_ours(x)
  if (!fleet_done(x$fleet, x$task)) return(FALSE)
  try(future::result(x), silent = TRUE) # collects it: the task's error, if any, is value()'s to raise
  NextMethod()
}

#' @export
result.StarburstFuture <- function(future, ...) {
  if (inherits(future$result, "FutureError")) stop(future$result)
  if (!is.null(future$result)) return(future$result)
  if (future$state == "created") future <- future::run(future)
  assert_ours(future)
  o <- tryCatch(fleet_collect(future$fleet, future$task), starburst_error = function(e) list(future$task, FALSE, "lost", conditionMessage(e), "", 0L))
  got <- if (isTRUE(o[[2L]])) tryCatch(unpack_value(o[[3L]]), error = identity) else lost_future(future, o)
  if (!inherits(got, "FutureResult")) {
    if (!inherits(got, "FutureError")) got <- future::FutureError(sprintf("the future '%s' has no result: %s", label_of(future), paste(conditionMessage(got), collapse = "")), future = future)
    future$state <- "failed"
    future$result <- got
    stop(got)
  }
  future$state <- "finished"
  future$result <- got
  got
}

# A task whose worker could not run it at all; errors of the code itself are part of a result.
lost_future <- function(future, o) {
  kind <- o[[3L]]
  why <- switch(kind, died = "its worker died", timeout = "it took longer than the plan's timeout", cancelled = "it was cancelled", send = "it could not be run", "it failed")
  text <- sprintf("The future '%s' has no result: %s: %s", label_of(future), why, o[[4L]])
  if (kind == "died" && o[[6L]] > 1) text <- sprintf("%s (in %d attempts)", text, as.integer(o[[6L]]))
  future::FutureError(text, future = future)
}

assert_ours <- function(future) {
  if (!identical(future$fleet$pid, Sys.getpid())) {
    stop(future::FutureError(sprintf("the future '%s' can only be asked by the R process that made it", label_of(future)), future = future))
  }
}

#' Take a future back
#'
#' A future that has not been sent is never run. One that runs is stopped, within seconds, when no other future shares its job; if one does, it may run to
#' its end, for nothing. Asking for its value raises a FutureError.
#' @param future a future of [plan(starburst)][starburst], or a list of them.
#' @return the future, invisibly.
#' @export
starburst_cancel <- function(future) {
  for (f in if (inherits(future, "Future")) list(future) else future) {
    if (!inherits(f, "StarburstFuture") || is.null(f$fleet) || !is.null(f$result)) next
    fleet_cancel(f$fleet, f$task)
    f$state <- "failed"
    f$result <- future::FutureError(sprintf("the future '%s' was cancelled", label_of(f)), future = f)
  }
  invisible(future)
}

attr(starburst, "factory") <- function(...) StarburstFutureBackend(...)
