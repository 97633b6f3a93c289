# What goes to a worker: the packages it needs, in msgpack, so that a missing one is found before
# anything is unserialized; and R's own serialization of the rest.

MAX_PAYLOAD <- 62 * 1024^2 # an argument has at most 64 MiB (docs/wire-format.md), with what is around it

pack_task <- function(kind, value, packages, what = "the task", where = NULL) {
  b <- pack_value(value, what, where)
  # The map without its last value, as msgpack_encode writes it; made once, since a future may take no longer than this.
  known <- list(kind, packages)
  if (!identical(known, the$packed_for)) {
    whole <- msgpack_encode(list(v = 1L, k = kind, p = as.list(packages), b = raw()))
    the$packed <- whole[seq_len(length(whole) - 2L)] # bin of no bytes is two
    the$packed_for <- known
  }
  c(the$packed, mp_head_bin(length(b)), b)
}

pack_value <- function(value, what, where = NULL) {
  pointers <- FALSE
  b <- serialize(value, NULL, version = 3L, refhook = function(x) {
    if (typeof(x) %in% c("externalptr", "weakref")) pointers <<- TRUE
    NULL
  })
  if (pointers && !identical(getOption("starburst.references", "error"), "ignore")) refuse_references(where, what)
  if (length(b) > MAX_PAYLOAD) {
    refuse(sprintf("%s has %.0f MB with its globals, of at most %.0f MB: let the task read large data itself, from a file or a bucket, ", what, length(b) / 1024^2, MAX_PAYLOAD / 1024^2),
           "or give it only what it needs", biggest(where))
  }
  b
}

# A pointer means nothing in another process. Refused are those that are sent as such: what only lies about in an
# environment that a function has captured is most often not used, and a data.table carries one that it can do without.
refuse_references <- function(where, what) {
  for (name in names(where)) {
    x <- where[[name]]
    if (inherits(x, "data.table") || !has_pointer(x)) next
    refuse(sprintf("%s cannot be sent to a worker: the global '%s' (%s) refers to something that exists in this process only, such as an open connection; ",
                   what, name, paste(class(x), collapse = "/")),
           "open it inside the task, or set options(starburst.references = \"ignore\") if it is not used there")
  }
}

has_pointer <- function(x) {
  found <- FALSE
  serialize(x, NULL, refhook = function(r) {
    if (typeof(r) %in% c("externalptr", "weakref")) found <<- TRUE
    if (is.environment(r)) "not looked into"
  })
  found
}

biggest <- function(globals) {
  if (length(globals) == 0L) return("")
  sizes <- vapply(globals, function(x) as.numeric(utils::object.size(x)), 0)
  top <- utils::head(sort(sizes, decreasing = TRUE), 3L)
  paste0(". The largest: ", paste(sprintf("%s (%.0f MB)", names(top), top / 1024^2), collapse = ", "))
}

# The value that a worker's answer holds.
unpack_value <- function(bytes) {
  raw <- msgpack_decode(bytes)
  if (!is.raw(raw)) refuse("the worker answered something that is not R's: is it an R worker, started by sb_worker(eval = TRUE)?")
  unserialize(raw)
}
