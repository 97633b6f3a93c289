# A fleet is a connection to `starburst bridge`, a process beside this one that speaks to
# the queue and the table, and on this machine keeps the workers. It goes when we go.

the <- new.env(parent = emptyenv())
the$fleets <- list() # open ones; of this process only
the$pid <- 0L

HANDLER <- "starburst.r" # what a worker calls the running of R code

# A worker's command line: this R. The library path comes by the environment.
worker_command <- function(packages) {
  call <- sprintf("starburst::sb_worker(eval = TRUE, packages = %s)", if (length(packages)) deparse1(packages) else "NULL")
  paste(shQuote(file.path(R.home("bin"), "Rscript"), type = "sh"), "-e", shQuote(call, type = "sh"))
}

# The open fleet of a configuration; one that nothing is asked of any more makes room for another.
fleet_for <- function(config) {
  if (the$pid != Sys.getpid()) { # a fork must not use its parent's connection
    the$fleets <- list()
    the$pid <- Sys.getpid()
  }
  for (fleet in the$fleets) if (fleet$open && identical(fleet$config, config)) return(fleet)
  for (fleet in the$fleets) if (length(fleet$waiting) == 0L) fleet_close(fleet)
  the$fleets <- Filter(function(f) f$open, the$fleets)
  fleet <- fleet_open(config)
  the$fleets <- c(the$fleets, fleet)
  fleet
}

# Random hexadecimal digits that leave R's own generator alone.
random_token <- function() {
  if (file.exists("/dev/urandom")) {
    con <- file("/dev/urandom", "rb", raw = TRUE)
    on.exit(close(con))
    return(paste(readBin(con, "raw", 16L), collapse = ""))
  }
  paste0(gsub("[^0-9a-z]", "", basename(replicate(3L, tempfile("")))), collapse = "")
}

# Opens a bridge. state and detached are for sessions; see session.R.
fleet_open <- function(config, state = "r", detached = FALSE, keep = NULL) {
  dir <- tempfile("starburst-bridge-")
  dir.create(dir, mode = "0700")
  ready <- file.path(dir, "ready")
  log <- file.path(dir, "log")
  args <- c("bridge", "--ready", ready, "--handler", HANDLER, "--workers", config$workers, "--state", state, "--serve", worker_command(config$packages),
            "--attempts", config$attempts, "--label", config$label)
  if (detached) args <- c(args, "--detached")
  if (!is.null(config$timeout)) args <- c(args, "--timeout", sprintf("%.3fs", config$timeout))
  if (!is.null(config$max_cost)) args <- c(args, "--max-cost", config$max_cost)
  if (!is.null(keep)) args <- c(args, "--keep", sprintf("%.0fs", keep))
  token <- random_token()
  env <- c(STARBURST_BRIDGE_TOKEN = token, R_LIBS = paste(.libPaths(), collapse = .Platform$path.sep))
  # What a plan does on this machine is over with this R, and so is its state. A session's stays.
  if (!detached && !has_stack()) env[["XDG_STATE_HOME"]] <- file.path(tempdir(), "starburst")
  with_env(env, system2(starburst_binary(), shQuote(args), stdout = log, stderr = log, stdin = "", wait = FALSE))
  fleet <- new.env(parent = emptyenv())
  fleet$config <- config
  fleet$log <- log
  fleet$open <- FALSE
  fleet$con <- connect(ready, log)
  fleet$open <- TRUE
  fleet$pid <- Sys.getpid()
  fleet$next_id <- 1
  fleet$waiting <- new.env(parent = emptyenv()) # ids that were put and have no outcome
  fleet$outcomes <- new.env(parent = emptyenv()) # of ids that nobody has collected
  fleet$answers <- new.env(parent = emptyenv())
  reg.finalizer(fleet, fleet_close, onexit = TRUE)
  send_frame(fleet, list(token = token))
  hello <- NULL
  while (is.null(hello)) hello <- next_frame(fleet, 60, function(f) f$t %in% c("ready", "failed"))
  if (hello$t == "failed") {
    fleet_close(fleet)
    refuse(hello$error, if (nzchar(hello$hint)) paste0("; try: ", hello$hint))
  }
  fleet$info <- hello
  fleet
}

with_env <- function(env, expr) {
  old <- Sys.getenv(names(env), unset = NA, names = TRUE)
  on.exit({
    gone <- is.na(old)
    Sys.unsetenv(names(old)[gone])
    if (any(!gone)) do.call(Sys.setenv, as.list(old[!gone]))
  })
  do.call(Sys.setenv, as.list(env))
  expr
}

# Waits for the bridge to say where it listens.
connect <- function(ready, log) {
  until <- Sys.time() + 30
  while (!file.exists(ready)) {
    if (any(grepl("^error:", said <- if (file.exists(log)) readLines(log, warn = FALSE)))) refuse(paste(sub("^error: ", "", said), collapse = "\n"))
    if (Sys.time() > until) refuse("the starburst program did not start within 30 s; see ", log)
    Sys.sleep(0.005)
  }
  address <- jsonlite::fromJSON(ready)
  args <- list("127.0.0.1", address$port, open = "r+b", blocking = TRUE, timeout = 30L * 86400L)
  if ("options" %in% names(formals(socketConnection))) args$options <- "no-delay"
  do.call(socketConnection, args)
}

fleet_close <- function(fleet) {
  if (!isTRUE(fleet$open)) return(invisible())
  fleet$open <- FALSE
  if (fleet$pid != Sys.getpid()) return(invisible()) # the parent's
  try(send_frame(fleet, list(op = "bye"), force = TRUE), silent = TRUE)
  try(close(fleet$con), silent = TRUE)
  invisible()
}

#' End the fleets of this R process
#'
#' Closes the connections that plans, maps and clusters of this process have opened. Futures that are not resolved are cancelled; on
#' this machine the workers end. It happens by itself at the end of R. Sessions (see [starburst_session()]) go on.
#' @return the number of fleets that were open, invisibly.
#' @export
starburst_shutdown <- function() {
  open <- Filter(function(f) f$open, the$fleets)
  for (f in open) fleet_close(f)
  the$fleets <- list()
  invisible(length(open))
}
