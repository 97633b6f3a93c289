# What a worker does with R code that a caller has sent (payload.R).

# x is list(v, k, p, b). The answer is raw: R's serialization of what came of it.
run_payload <- function(x) {
  if (!identical(as.integer(x$v), 1L)) stop(failure(simpleError("the caller's package is newer than this worker's; install the same version on both"), permanent = TRUE))
  for (p in x$p) {
    why <- package_trouble(p)
    if (!is.null(why)) stop(failure(simpleError(why), permanent = TRUE))
  }
  task <- unserialize(x$b)
  value <- switch(x$k,
    future = run_future(task),
    futuredata = run_future_data(task),
    map = run_map(task),
    expr = run_expr(task),
    stop(failure(simpleError(sprintf("this worker does not know tasks of the kind '%s'; install the same version on both", x$k)), permanent = TRUE)))
  serialize(value, NULL, version = 3L)
}

# A future of package future below 1.40: an expression that captures all there is to capture, and its globals.
run_future <- function(task) {
  clear_globalenv()
  on.exit(clear_globalenv())
  list2env(as.list(task$globals), envir = globalenv())
  eval(task$expr, envir = globalenv())
}

# A future of a newer one: package future evaluates it itself.
run_future_data <- function(task) {
  clear_globalenv()
  on.exit(clear_globalenv())
  utils::getFromNamespace("evalFuture", "future")(task)
}

# Tasks leave nothing for the next one. What a .Rprofile has put there with a dot stays, as with rm(list = ls()).
clear_globalenv <- function() rm(list = setdiff(ls(globalenv(), all.names = FALSE), ".Random.seed"), envir = globalenv())

# Elements of a map: a function that they share, and for each its element and its random stream.
run_map <- function(task) {
  if (!identical(task$common, the$common_raw)) { # most often the one of the task before
    the$common <- unserialize(task$common)
    the$common_raw <- task$common
  }
  common <- the$common
  clear_globalenv()
  list2env(common$globals, envir = globalenv())
  attach_all(common$packages)
  lapply(seq_along(task$x), function(i) {
    capture(do.call(common$f, c(list(task$x[[i]]), common$dots), quote = TRUE), if (!is.null(task$seeds)) task$seeds[[i]])
  })
}

# One expression of a session.
run_expr <- function(task) {
  clear_globalenv()
  list2env(task$globals, envir = globalenv())
  attach_all(task$packages)
  capture(eval(task$expr, envir = new.env(parent = globalenv())), task$seed)
}

attach_all <- function(packages) for (p in packages) suppressPackageStartupMessages(library(p, character.only = TRUE, quietly = TRUE))

# Evaluates an expression and takes all that came of it: list(value) or list(error, calls), and stdout and conditions where there were any.
capture <- function(expr, seed = NULL) {
  if (!is.null(seed)) {
    old <- RNGkind()[[1L]]
    on.exit(RNGkind(old))
    assign(".Random.seed", seed, envir = globalenv())
  }
  told <- list()
  calls <- NULL
  value <- NULL
  error <- NULL
  out <- capture_stdout(error <- tryCatch(
    withCallingHandlers({
      value <- expr
      NULL
    }, warning = function(w) {
      told[[length(told) + 1L]] <<- w
      tryInvokeRestart("muffleWarning")
    }, message = function(m) {
      told[[length(told) + 1L]] <<- m
      tryInvokeRestart("muffleMessage")
    }, error = function(e) calls <<- calls_text(sys.calls())),
    error = identity))
  got <- if (is.null(error)) list(value = value) else list(error = error, calls = calls)
  if (nzchar(out)) got$stdout <- out
  if (length(told) > 0L) got$conditions <- told
  got
}

capture_stdout <- function(expr) {
  con <- rawConnection(raw(), "wb")
  sink(con)
  depth <- sink.number()
  on.exit({
    while (sink.number() >= depth) sink() # those that the task left behind, and ours
    close(con)
  })
  expr
  while (sink.number() > depth) sink()
  text <- rawToChar(rawConnectionValue(con))
  Encoding(text) <- if (l10n_info()$`UTF-8`) "UTF-8" else "unknown"
  text
}

# Tells again, here, what a task has told there.
relay <- function(got) {
  if (!is.null(got$stdout)) cat(got$stdout)
  for (c in got$conditions) if (inherits(c, "message")) message(c) else warning(c)
}
