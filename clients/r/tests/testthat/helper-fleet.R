# Tests that need workers run where the starburst program is; scripts/r/test.sh builds it and lets nothing be skipped.
need_fleet <- function() {
  found <- tryCatch({
    starburst_binary()
    TRUE
  }, starburst_error = function(e) FALSE)
  if (!found && Sys.getenv("STARBURST_REQUIRED") != "") stop("the starburst program is not there, and STARBURST_REQUIRED is set")
  if (!found) testthat::skip("the starburst program is not there")
}

# Runs code under plan(starburst); the plan is as before afterwards.
with_fleet <- function(code, workers = 2, ...) {
  need_fleet()
  old <- future::plan(starburst, workers = workers, ...)
  on.exit(future::plan(old))
  force(code)
}

# The message of the error that an expression raises.
error_of <- function(expr) {
  e <- tryCatch({
    expr
    NULL
  }, error = identity)
  if (is.null(e)) stop("there was no error")
  e
}

# A fresh R that runs code with this package; returns its output. Its process is the caller's to kill when wait is FALSE.
fresh_r <- function(code, wait = TRUE, out = tempfile("fresh-r-")) {
  script <- tempfile(fileext = ".R")
  writeLines(c(sprintf(".libPaths(c(%s))", paste(deparse(.libPaths()), collapse = "")), "library(starburst)", code), script)
  system2(file.path(R.home("bin"), "Rscript"), shQuote(script), stdout = out, stderr = out, wait = wait)
  if (wait) readLines(out) else out
}

# Waits for something to become true.
eventually <- function(expr, seconds = 60) {
  expr <- substitute(expr)
  env <- parent.frame()
  until <- Sys.time() + seconds
  while (!isTRUE(eval(expr, env))) {
    if (Sys.time() > until) stop("waited in vain for ", deparse1(expr))
    Sys.sleep(0.05)
  }
  invisible(TRUE)
}

# Sessions of the tests live in a directory of their own.
own_home <- function(env = parent.frame()) {
  dir <- tempfile("starburst-home-")
  dir.create(dir)
  old <- Sys.getenv(c("XDG_STATE_HOME", "R_USER_DATA_DIR"), unset = NA, names = TRUE)
  Sys.setenv(XDG_STATE_HOME = file.path(dir, "state"), R_USER_DATA_DIR = file.path(dir, "data"))
  do.call(on.exit, list(substitute({
    for (n in names(old)) if (is.na(old[[n]])) Sys.unsetenv(n) else do.call(Sys.setenv, as.list(old[n]))
    unlink(dir, recursive = TRUE)
  }, list(old = old, dir = dir)), add = TRUE), envir = env)
  dir
}
