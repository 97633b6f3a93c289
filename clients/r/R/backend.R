# The future backend for package future from 1.40 on, where a strategy has a factory that makes a
# backend object. Its generics are not in older versions, so the methods are registered at load time.

StarburstFutureBackend <- function(workers = 10, cpu = NULL, memory = NULL, launch_type = "FARGATE", spot = FALSE, timeout = NULL, max_cost = NULL,
                                   worker_packages = NULL, attempts = 3, ...) {
  config <- fleet_config(workers, cpu, memory, launch_type, spot, timeout, max_cost, worker_packages, attempts, label = "R")
  core <- from_future("MultiprocessFutureBackend")(workers = config$workers, ..., reg = paste0("starburst-", random_token()))
  core[["futureClasses"]] <- c("StarburstFuture", core[["futureClasses"]])
  core[["starburst"]] <- config
  fleet_for(config)
  structure(core, class = c("StarburstFutureBackend", class(core)))
}

from_future <- function(name) utils::getFromNamespace(name, "future")

backend_methods <- list(
  launchFuture = function(backend, future, ...) {
    from_future("FutureRegistry")(backend[["reg"]], action = "add", future = future, earlySignal = FALSE)
    data <- from_future("getFutureData")(future, mc.cores = 1L)
    # Where globals were found is of no use on the worker; a function's frame among it would go along with all that it holds.
    if (!is.null(where <- attr(data[["core"]][["globals"]], "where"))) {
      attr(data[["core"]][["globals"]], "where") <- lapply(where, function(w) emptyenv())
    }
    launch(future, backend[["starburst"]], "futuredata", data, future[["packages"]])
  },
  nbrOfWorkers = function(evaluator) evaluator[["workers"]],
  nbrOfFreeWorkers = function(evaluator, background = FALSE, ...) max(0L, evaluator[["workers"]] - sum(vapply(the$fleets, function(f) length(f$waiting), 0L))),
  interruptFuture = function(backend, future, ...) {
    starburst_cancel(future)
    future[["state"]] <- "interrupted"
    future
  },
  stopWorkers = function(backend, interrupt = TRUE, ...) {
    for (f in the$fleets) if (identical(f$config, backend[["starburst"]])) fleet_close(f)
    from_future("FutureRegistry")(backend[["reg"]], action = "reset")
    TRUE
  }
)

has_backend_api <- function() exists("launchFuture", envir = asNamespace("future"), inherits = FALSE)

.onLoad <- function(libname, pkgname) {
  if (!has_backend_api()) return(invisible())
  for (generic in names(backend_methods)) registerS3method(generic, "StarburstFutureBackend", backend_methods[[generic]], envir = asNamespace("future"))
}
