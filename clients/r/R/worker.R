# The R side of the worker protocol (docs/worker-protocol.md): frames on descriptors 3 and 4.

SELF <- "starburst (R) 1"

#' Work for a fleet
#'
#' Serves the tasks that `starburst worker --serve "Rscript -e 'starburst::sb_worker(eval = TRUE)'"` takes from the queue, one
#' after another, until it is told to end. It is the last thing a worker's script calls.
#'
#' Two kinds of tasks can be served. *Handlers* are functions that callers in any language name: they are given the argument
#' (see [msgpack_decode()]), and, if they have a parameter `task`, what is known of the task: `job`, `index`, `attempt`, `deadline_ms`. With
#' `eval = TRUE` the worker also runs the R code that [plan(starburst)][starburst], [starburst_map()] and sessions send. Whoever may
#' send to the queue can then run anything with the worker's rights, so it is off unless you say so.
#'
#' @param handlers a named list of functions.
#' @param eval whether to run R code that callers send.
#' @param packages names of packages to load at the start. One that cannot be loaded does not end the worker: it is
#'   told on standard error, and each task that needs it fails with its name.
#' @return nothing: R ends with the worker.
#' @examples
#' \dontrun{
#' sb_worker(list(price = function(x) x$qty * 187.25), packages = "stats")
#' }
#' @export
sb_worker <- function(handlers = list(), eval = FALSE, packages = character()) {
  w <- worker_open(check_handlers(handlers), eval)
  for (p in check_packages(packages)) {
    why <- package_trouble(p)
    if (!is.null(why)) cat(sprintf("W! %s; tasks that need it will fail\n", why), file = stderr())
  }
  if (eval) loadNamespace("future") # before the hello: the first task need not wait for it
  worker_serve(w)
  quit(save = "no", status = 0L)
}

check_handlers <- function(handlers) {
  if (!is.list(handlers) || (length(handlers) > 0L && is.null(names(handlers)))) refuse("handlers must be a named list of functions")
  for (name in names(handlers)) {
    if (!is.function(handlers[[name]])) refuse(sprintf("the handler '%s' is not a function", name))
    if (!nzchar(name) || nchar(name, "bytes") > 256L) refuse("the name of a handler has 1 to 256 bytes")
  }
  if (anyDuplicated(names(handlers))) refuse("two handlers have the same name")
  handlers
}

# Why a package cannot be loaded; NULL when it is loaded.
package_trouble <- function(name) {
  tryCatch({
    suppressPackageStartupMessages(loadNamespace(name))
    NULL
  }, error = function(e) {
    if (nzchar(system.file(package = name))) sprintf("the package '%s' does not load on the worker: %s", name, conditionMessage(e))
    else sprintf("the package '%s' is not installed on the worker (R %s)", name, getRversion())
  })
}

worker_open <- function(handlers, eval) {
  offered <- strsplit(Sys.getenv("STARBURST_PROTOCOL"), ",", fixed = TRUE)[[1L]]
  if (length(offered) == 0L) {
    cat("This is a Starburst worker; it is started by: starburst worker --serve \"Rscript worker.R\"\n", file = stderr())
    quit(save = "no", status = 64L)
  }
  if (!"1" %in% offered) {
    cat(sprintf("the worker speaks version %s of the protocol, this package version 1\n", paste(offered, collapse = ", ")), file = stderr())
    quit(save = "no", status = 76L)
  }
  if (Sys.getenv("STARBURST_SELFTEST") == "1") handlers <- c(handlers, selftest_handlers())
  if (eval) handlers[[HANDLER]] <- structure(run_payload, as_is = TRUE)
  if (length(handlers) == 0L) refuse("the worker has nothing to serve: give it handlers, or eval = TRUE")
  fd <- function(var, default) sprintf("/dev/fd/%s", Sys.getenv(var, default))
  w <- new.env(parent = emptyenv())
  w$handlers <- handlers
  w$input <- file(fd("STARBURST_FD_IN", "3"), "rb", raw = TRUE)
  w$output <- file(fd("STARBURST_FD_OUT", "4"), "wb", raw = TRUE)
  w
}

worker_serve <- function(w) {
  the$worker <- w
  worker_say(w, list(t = "hello", v = 1L, handlers = as.list(names(w$handlers)), lang = paste("R", getRversion()), lib = SELF, pid = Sys.getpid()))
  repeat {
    f <- worker_read(w)
    if (is.null(f) || identical(f$t, "bye")) return(invisible())
    if (identical(f$t, "task")) worker_chunk(w, f)
    # quiet, cancel and what is not known: this R runs one thing at a time, and has ended it before it reads on
  }
}

worker_read <- function(w) {
  head <- readBin(w$input, "raw", 4L)
  if (length(head) < 4L) return(NULL)
  n <- sum(as.numeric(head) * c(16777216, 65536, 256, 1))
  bytes <- readBin(w$input, "raw", n)
  if (length(bytes) < n) return(NULL)
  msgpack_decode(bytes, simplify = FALSE)
}

worker_say <- function(w, x) {
  body <- msgpack_encode(x)
  writeBin(c(mp_u32(length(body)), body), w$output)
  flush(w$output)
}

# Runs the tasks of a frame in order, each answered before the next begins.
worker_chunk <- function(w, f) {
  h <- w$handlers[[f$handler]]
  for (i in seq_along(f$tasks)) {
    id <- f$id + i - 1
    w$running <- id
    # [[ ]], for $ would take tasks when there is no task.
    task <- list(job = f[["job"]], task = f[["task"]], index = f$tasks[[i]][[1L]], attempt = f[["attempt"]], deadline_ms = f[["deadline_ms"]])
    answer <- if (is.null(h)) list(t = "fail", message = sprintf("this worker has no handler '%s'", f$handler), permanent = TRUE)
    else worker_task(h, f$tasks[[i]][[2L]], task)
    worker_say(w, c(list(id = id), answer))
    w$running <- NULL
  }
}

worker_task <- function(h, arg, task) {
  stack <- NULL
  tryCatch({
    x <- tryCatch(msgpack_decode(arg, simplify = !isTRUE(attr(h, "as_is"))), error = function(e) stop(failure(e, "decode")))
    value <- withCallingHandlers(
      if ("task" %in% names(formals(h))) h(x, task = task) else h(x),
      error = function(e) if (is.null(stack)) stack <<- calls_text(sys.calls()))
    packed <- tryCatch(msgpack_encode(value), error = function(e) stop(failure(e, "result")))
    list(t = "done", result = packed)
  }, error = function(e) fail_answer(e, stack))
}

# An error that carries how it is to be told.
failure <- function(e, kind = NULL, permanent = FALSE, detail = NULL) {
  structure(class = c("starburst_failure", "error", "condition"),
    list(message = conditionMessage(e), call = NULL, kind = kind, permanent = permanent, detail = detail, type = class(e)[[1L]]))
}

#' Fail a task for good
#'
#' An error raised in a handler makes the worker try the task again, up to the job's attempts. `sb_fail()` raises one that does not.
#' @param message what went wrong.
#' @return it does not return.
#' @export
sb_fail <- function(message) stop(failure(simpleError(message), permanent = TRUE))

fail_answer <- function(e, stack) {
  type <- if (inherits(e, "starburst_failure")) e$type else class(e)[[1L]]
  if (type == "simpleError") type <- "Error" # as R says it
  answer <- list(t = "fail", type = type, message = clip(conditionMessage(e)), stack = clip(stack, TRUE))
  if (inherits(e, "starburst_failure")) {
    if (!is.null(e$kind)) answer$kind <- e$kind
    if (isTRUE(e$permanent)) answer$permanent <- TRUE
    if (!is.null(e$detail)) answer$detail <- e$detail
  }
  answer
}

# Text that a frame can hold, of at most 8,000 bytes: what is beyond would be cut off anyway.
clip <- function(text, from_end = FALSE) {
  if (length(text) == 0L) return(NULL)
  text <- iconv(paste(text, collapse = "\n"), to = "UTF-8", sub = "byte")
  if (nchar(text, "bytes") <= 8000L) return(text)
  n <- nchar(text)
  if (from_end) substr(text, max(1L, n - 1999L), n) else substr(text, 1L, 2000L)
}

# The calls up to an error, from where the task's own code begins.
calls_text <- function(calls) {
  name <- vapply(calls, function(c) if (is.symbol(c[[1L]])) as.character(c[[1L]]) else "", "")
  from <- max(0L, which(name %in% c("withCallingHandlers", "capture_stdout", "worker_task")))
  calls <- calls[seq_along(calls) > from & !name %in% c(".handleSimpleError", "h", "do.call", "eval")]
  text <- vapply(calls, function(c) substr(deparse(c, nlines = 1L)[[1L]], 1L, 200L), "")
  paste(utils::tail(text, 50L), collapse = "\n")
}

#' Report progress, or log, from a handler
#'
#' Both go to the worker's log with the task's index. Outside of a worker they do nothing.
#' @param done,total how far the task is.
#' @param message a text.
#' @param level `"debug"`, `"info"`, `"warn"` or `"error"`.
#' @return nothing.
#' @export
sb_progress <- function(done, total, message = NULL) tell_worker(list(t = "progress", done = done, total = total, message = message))

#' @rdname sb_progress
#' @export
sb_log <- function(message, level = "info") tell_worker(list(t = "log", level = level, message = message))

tell_worker <- function(x) {
  w <- the$worker
  if (is.null(w$running)) return(invisible())
  x$id <- w$running
  worker_say(w, x)
  invisible()
}

# What `starburst worker --selftest` asks for.
selftest_handlers <- function() {
  h <- list(
    echo = structure(function(x) x, as_is = TRUE), # 1 and 1.0, [1] and 1, and keys that are no texts stay what they are
    context = function(x, task) list(job = task$job, task = task$task, index = task$index, attempt = task$attempt, deadline_ms = task$deadline_ms),
    fail = function(x) stop(x),
    permanent = function(x) sb_fail(x),
    detail = structure(function(x) stop(failure(simpleError("detail"), detail = msgpack_encode(x))), as_is = TRUE),
    unpackable = function(x) function() NULL,
    print = function(x) { cat(x, "\n"); cat(x, "\n", file = stderr()); NULL },
    progress = function(x) { sb_progress(1L, 2L, x); NULL },
    log = function(x) { sb_log(x, "warn"); NULL },
    sleep = function(x) { Sys.sleep(x); NULL },
    exit = function(x) quit(save = "no", status = x))
  names(h) <- paste0("selftest.", names(h))
  h
}
