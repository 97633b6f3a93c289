# Frames to and from the bridge: four bytes of length, big-endian, and one msgpack map.

send_frame <- function(fleet, x, force = FALSE) send_bytes(fleet, msgpack_encode(x), force)

send_bytes <- function(fleet, body, force = FALSE) {
  if (!fleet$open && !force && !is.null(fleet$info)) fleet_lost(fleet)
  suspendInterrupts({ # half a frame would be the end of the connection
    ok <- tryCatch({
      writeBin(c(mp_u32(length(body)), body), fleet$con)
      TRUE
    }, error = function(e) FALSE, warning = function(w) FALSE)
  })
  if (!ok && !force) fleet_lost(fleet)
}

# Says why the connection is gone, from what the bridge has said last.
fleet_lost <- function(fleet) {
  fleet$open <- FALSE
  said <- tryCatch(utils::tail(readLines(fleet$log, warn = FALSE), 5L), error = function(e) character(), warning = function(w) character())
  refuse("the connection to the fleet is lost", if (length(said)) paste0(": ", paste(sub("^error: ", "", said), collapse = "; ")),
         ". What was not collected is gone; the next future opens another")
}

# Reads one frame, waiting for its first byte up to timeout seconds (NULL: for ever); NULL when none came.
read_frame <- function(fleet, timeout) {
  if (!fleet$open && !is.null(fleet$info)) fleet_lost(fleet)
  there <- tryCatch(socketSelect(list(fleet$con), FALSE, timeout), error = function(e) fleet_lost(fleet))
  if (!there) return(NULL)
  bytes <- suspendInterrupts({
    head <- readBin(fleet$con, "raw", 4L)
    if (length(head) == 4L) readBin(fleet$con, "raw", sum(as.numeric(head) * c(16777216, 65536, 256, 1)))
  })
  if (length(bytes) == 0L) fleet_lost(fleet)
  msgpack_decode(bytes, simplify = FALSE)
}

# Reads frames for up to timeout seconds until one satisfies want, and returns it; the others are put where they belong.
next_frame <- function(fleet, timeout, want) {
  f <- read_frame(fleet, timeout)
  if (is.null(f)) return(NULL)
  if (want(f)) return(f)
  switch(f$t,
    out = for (o in f$o) take_outcome(fleet, o),
    answer = assign(as.character(f$id), f, envir = fleet$answers),
    note = message("starburst: ", f$text))
  NULL
}

take_outcome <- function(fleet, o) {
  if (!isTRUE(o[[2L]])) o[[4L]] <- sub("^Error: ", "", o[[4L]])
  id <- as.character(o[[1L]])
  if (is.null(fleet$waiting[[id]])) return(invisible()) # nobody wants it any more
  rm(list = id, envir = fleet$waiting)
  assign(id, o, envir = fleet$outcomes)
}

# Reads what is there, and returns at once.
fleet_pump <- function(fleet) {
  repeat {
    before <- length(fleet$waiting)
    next_frame(fleet, 0, function(f) FALSE)
    if (length(fleet$waiting) == before) return(invisible())
  }
}

# Puts tasks; each is the raw bytes of its argument. Returns their ids.
fleet_put <- function(fleet, tasks) {
  first <- fleet$next_id
  ids <- as.character(first + seq_along(tasks) - 1)
  fleet$next_id <- first + length(tasks)
  if (length(tasks) == 1L) { # a future: the same frame, without the general way to it
    send_bytes(fleet, c(PUT_ONE, writeBin(first, raw(), endian = "big"), PUT_TASKS, mp_head_bin(length(tasks[[1L]])), tasks[[1L]]))
  } else {
    send_frame(fleet, list(op = "put", id = first, tasks = tasks))
  }
  for (id in ids) assign(id, TRUE, envir = fleet$waiting)
  if (first %% 64 == 0) fleet_pump(fleet) # the bridge need not hold what we can
  ids
}

# {op: "put", id: <float64 to follow>, tasks: [<bin to follow>]}
PUT_ONE <- c(as.raw(0x83), msgpack_encode("op"), msgpack_encode("put"), msgpack_encode("id"), as.raw(0xcb))
PUT_TASKS <- c(msgpack_encode("tasks"), as.raw(0x91))

fleet_done <- function(fleet, id) {
  if (!is.null(fleet$outcomes[[id]])) return(TRUE)
  fleet_pump(fleet)
  !is.null(fleet$outcomes[[id]])
}

# Waits for a task and takes its outcome: list(id, TRUE, bytes) or list(id, FALSE, kind, message, stack, attempts).
fleet_collect <- function(fleet, id) {
  while (is.null(o <- fleet$outcomes[[id]])) {
    if (is.null(fleet$waiting[[id]])) refuse("task ", id, " was taken back, or collected before")
    next_frame(fleet, NULL, function(f) FALSE)
  }
  rm(list = id, envir = fleet$outcomes)
  o
}

# Forgets tasks, and takes them back from the fleet when that is still possible.
fleet_cancel <- function(fleet, ids) {
  ids <- Filter(function(id) !is.null(fleet$waiting[[id]]), ids)
  if (length(ids) == 0L || !fleet$open) return(invisible())
  rm(list = ids, envir = fleet$waiting)
  send_frame(fleet, list(op = "cancel", ids = as.list(as.numeric(ids))))
}

# Asks a question and waits for its answer; what are the question's fields.
fleet_ask <- function(fleet, ...) {
  id <- fleet$next_id
  fleet$next_id <- id + 1
  send_frame(fleet, list(op = "ask", id = id, ...))
  key <- as.character(id)
  while (is.null(a <- fleet$answers[[key]])) next_frame(fleet, NULL, function(f) FALSE)
  rm(list = key, envir = fleet$answers)
  if (!isTRUE(a$ok)) refuse(a$error, if (nzchar(a$hint)) paste0("; try: ", a$hint))
  a
}
