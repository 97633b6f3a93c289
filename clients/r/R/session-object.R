# The session object: its methods are closures over its state.

session_open <- function(note, write) {
  s <- new.env(parent = emptyenv())
  s$note <- note
  s$fleet <- fleet_open(note$config, state = note$id, detached = TRUE, keep = max(60, note$expires - as.numeric(Sys.time())))
  s$jobs <- list() # by job id: list(tasks, ok, failed, state), as last heard of
  if (write) write_note(note)
  session_refresh(s)
  structure(class = "starburst_session", list(
    id = note$id,
    submit = function(expr, envir = parent.frame(), globals = TRUE, packages = NULL, seed = NULL) {
      session_submit(s, session_expr(substitute(expr), envir), envir, globals, packages, seed)
    },
    map = function(.x, .f, ..., .seed = TRUE) session_map(s, .x, .f, list(...), .seed),
    status = function() session_status(s),
    collect = function(wait = FALSE, timeout = 3600, wrap = FALSE) session_collect(s, wait, timeout, wrap),
    extend = function(seconds = 3600) session_extend(s, seconds),
    cleanup = function(force = FALSE) session_cleanup(s, force),
    detach = function() fleet_close(s$fleet)))
}

#' @export
print.starburst_session <- function(x, ...) {
  cat("a Starburst session;", "attach again by starburst_session_attach(\"", sep = " ")
  cat(x$id, "\")\n", sep = "")
  invisible(x)
}

# submit(quote(f(x))) means f(x), as it did in the original.
session_expr <- function(expr, envir) {
  if (is.call(expr) && (identical(expr[[1L]], quote(quote)) || identical(expr[[1L]], quote(bquote)))) eval(expr, envir) else expr
}

session_submit <- function(s, expr, envir, globals, packages, seed) {
  gp <- future::getGlobalsAndPackages(expr, envir = envir, globals = globals)
  packages <- unique(c(gp$packages, packages, s$note$config$packages))
  seed <- if (is.null(seed)) NULL else map_seeds(1L, seed)[[1L]]
  value <- list(expr = gp$expr, globals = as.list(gp$globals), packages = packages, seed = seed, nonce = random_token())
  session_send(s, list(pack_task("expr", value, packages, "the expression", gp$globals)))
}

session_map <- function(s, x, f, dots, seed) {
  if (length(x) == 0L) return(character())
  work <- map_tasks(x, f, dots, seed, s$note$config)
  # The nonce makes two maps of the same differ: a job's id with the same input would be the same job.
  nonce <- pack_task("expr", list(expr = NULL, globals = list(), nonce = random_token()), character())
  job <- session_send(s, c(work$tasks, list(nonce)), sizes = lengths(work$at))
  sprintf("%s.%d", job, seq_along(x))
}

# Makes a job under the session's next number. Another R may be attached, and have taken it.
session_send <- function(s, tasks, sizes = NULL) {
  for (try in 1:50) {
    number <- length(s$jobs) + 1L
    job <- sprintf("%s.%06d", s$note$id, number)
    label <- if (is.null(sizes)) "expr" else paste0("map ", paste(rle_text(sizes), collapse = " "))
    a <- tryCatch(fleet_ask(s$fleet, what = "submit", job = job, label = label, until_ms = ms(s$note$expires), tasks = tasks), starburst_error = identity)
    if (!inherits(a, "error")) {
      s$jobs[[job]] <- list(tasks = length(tasks), sizes = sizes, state = "open")
      return(sprintf("%06d", number))
    }
    known <- length(s$jobs)
    session_refresh(s)
    if (length(s$jobs) == known) stop(a) # not because of another's job
  }
  stop(a)
}

rle_text <- function(sizes) {
  r <- rle(as.integer(sizes))
  sprintf("%dx%d", r$lengths, r$values)
}

sizes_of <- function(label) {
  if (!startsWith(label, "map ")) return(NULL)
  parts <- strsplit(strsplit(substring(label, 5L), " ")[[1L]], "x")
  unlist(lapply(parts, function(p) rep(as.integer(p[[2L]]), as.integer(p[[1L]]))))
}

# Learns of jobs that other R processes have submitted.
session_refresh <- function(s) {
  a <- fleet_ask(s$fleet, what = "jobs", prefix = paste0(s$note$id, "."), since_ms = ms(s$note$created - DAY_S))
  for (j in a$jobs[order(vapply(a$jobs, function(j) j$job, ""))]) {
    if (is.null(s$jobs[[j$job]])) s$jobs[[j$job]] <- list(tasks = j$tasks, sizes = sizes_of(j$label), state = j$state)
  }
  invisible(s)
}

# The elements that a job's task stands for; the last task of a map is its nonce.
elements_of <- function(job) if (is.null(job$sizes)) 1L else c(job$sizes, 0L)

session_status <- function(s) {
  session_refresh(s)
  total <- completed <- failed <- running <- 0L
  for (id in names(s$jobs)) {
    job <- session_fetch(s, id)
    n <- elements_of(job)
    total <- total + sum(n)
    for (k in seq_along(n)) {
      o <- job$got[[k]]
      if (is.null(o) || n[[k]] == 0L) next
      bad <- vapply(o, function(g) !is.null(g$error), TRUE)
      failed <- failed + sum(bad)
      completed <- completed + sum(!bad)
    }
    if (job$open > 0L) running <- running + fleet_ask(s$fleet, what = "count", job = id)$running
  }
  left <- total - completed - failed
  running <- min(left, as.integer(running))
  structure(class = "starburst_session_status",
    list(session_id = s$note$id, total = total, pending = left - running, running = running, completed = completed, failed = failed, expires = as.POSIXct(s$note$expires, origin = "1970-01-01")))
}

#' @export
print.starburst_session_status <- function(x, ...) {
  cat(sprintf("session %s: %d of %d tasks done (%.0f %%), %d failed, %d running, %d pending; until %s\n", x$session_id, x$completed + x$failed, x$total,
              if (x$total > 0) 100 * (x$completed + x$failed) / x$total else 100, x$failed, x$running, x$pending, format(x$expires)))
  invisible(x)
}

# Reads what there is of a job and was not read before: got has, for each task, a list of what came of its elements.
session_fetch <- function(s, id) {
  job <- s$jobs[[id]]
  if (is.null(job$got)) job$got <- vector("list", job$tasks)
  missing <- which(vapply(job$got, is.null, TRUE))
  from <- if (length(missing)) missing[[1L]] - 1L else -1L
  while (from >= 0L) {
    a <- fleet_ask(s$fleet, what = "results", job = id, from = from)
    n <- elements_of(job)
    for (o in a$o) {
      k <- o[[1L]] + 1L
      if (is.null(job$got[[k]])) job$got[[k]] <- session_outcome(o, n[[k]], is.null(job$sizes))
    }
    if (identical(a$state, "cancelled")) {
      for (k in which(vapply(job$got, is.null, TRUE))) job$got[[k]] <- session_outcome(list(k, FALSE, "cancelled", if (nzchar(a$why)) a$why else "it was cancelled", "", 0L), n[[k]], is.null(job$sizes))
    }
    from <- a$`next`
  }
  job$open <- sum(vapply(job$got, is.null, TRUE))
  s$jobs[[id]] <- job
  job
}

session_outcome <- function(o, elements, single) {
  got <- if (isTRUE(o[[2L]])) unpack_value(o[[3L]]) else rep(list(list(error = task_error(o))), max(1L, elements))
  if (isTRUE(o[[2L]]) && (single || elements == 0L)) list(got) else got
}

session_collect <- function(s, wait, timeout, wrap) {
  until <- Sys.time() + timeout
  pause <- 0.02
  repeat {
    session_refresh(s)
    for (id in names(s$jobs)) session_fetch(s, id)
    open <- sum(vapply(s$jobs, function(j) j$open, 0L))
    if (open == 0L || !isTRUE(wait)) break
    if (Sys.time() > until) {
      warning(sprintf("%d tasks have no result after %s seconds; this is what there is", open, format(timeout)), call. = FALSE)
      break
    }
    Sys.sleep(pause)
    pause <- min(1, pause * 1.5)
  }
  session_values(s, wrap)
}

session_values <- function(s, wrap) {
  values <- list()
  pending <- character()
  for (id in sort(names(s$jobs))) {
    job <- s$jobs[[id]]
    short <- sub("^.*\\.", "", id)
    n <- elements_of(job)
    keys <- if (is.null(job$sizes)) short else sprintf("%s.%d", short, seq_len(sum(n)))
    at <- 0L
    for (k in seq_along(n)) {
      own <- keys[at + seq_len(n[[k]])]
      at <- at + n[[k]]
      if (is.null(job$got[[k]])) pending <- c(pending, own)
      else for (i in seq_along(own)) values[own[[i]]] <- list(session_value(job$got[[k]][[i]], wrap))
    }
  }
  if (length(pending) > 0L) attr(values, "pending") <- pending
  values
}

session_value <- function(got, wrap) {
  if (wrap) return(list(value = got$value, error = got$error, stdout = got$stdout, conditions = got$conditions))
  if (is.null(got$error)) got$value else got$error
}

session_extend <- function(s, seconds) {
  life <- seconds(seconds, "seconds", 365 * DAY_S)
  note <- session_note(s$note$id)
  until <- max(s$note$expires, note$expires, as.numeric(Sys.time()) + life)
  session_refresh(s)
  for (id in names(s$jobs)) fleet_ask(s$fleet, what = "extend", job = id, until_ms = ms(until))
  s$note$expires <- until
  write_note(s$note)
  invisible(as.POSIXct(until, origin = "1970-01-01"))
}

session_cleanup <- function(s, force) {
  session_refresh(s)
  for (id in names(s$jobs)) {
    if (!identical(s$jobs[[id]]$state, "done") && !identical(s$jobs[[id]]$open, 0L)) fleet_ask(s$fleet, what = "stop", job = id)
  }
  fleet_close(s$fleet)
  if (s$note$place == "local") stop_daemon(s$note$id, remove = isTRUE(force))
  unlink(session_file(s$note$id))
  invisible(TRUE)
}
