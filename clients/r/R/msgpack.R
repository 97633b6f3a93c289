# The msgpack codec. It has no compiled part and no package behind it, so that what
# NA, NULL, integer64, factors and times become is decided here (docs/wire-format.md §5).

MP_MAX_DEPTH <- 64L
MP_SEARCHED <- 64L # larger maps are not searched for keys that are there twice
MP_NA64 <- as.raw(c(0x80, 0, 0, 0, 0, 0, 0, 0)) # bit64's NA; as a number, -2^63

#' Encode a value as msgpack
#'
#' Writes one R value in the profile that every Starburst client understands
#' (docs/wire-format.md, section 5).
#'
#' NULL and NA of any type become nil. A vector of length one is a scalar, unless it is wrapped in `I()`; longer
#' ones are arrays; lists and vectors with names are maps. Numbers keep their type: integers are written as integers, doubles
#' as 64-bit floats. `integer64` (package bit64) is an integer of 64 bits. Factors become their labels, dates
#' `"2026-01-31"`, times RFC 3339 text in UTC, differences of times seconds. A data frame is a map of columns, a
#' matrix an array of its rows, a raw vector bytes. What has no form there (functions, environments, complex numbers)
#' is an error that names the element.
#'
#' @param x the value.
#' @return a raw vector.
#' @seealso [msgpack_decode()]
#' @examples
#' msgpack_encode(list(id = "AAPL", price = 187.25))
#' @export
msgpack_encode <- function(x) {
  out <- new.env(parent = emptyenv())
  out$n <- 0L
  out$parts <- vector("list", 64L)
  mp_write(out, x, 1L, "value")
  if (out$n == 1L) out$parts[[1L]] else unlist(out$parts[seq_len(out$n)], use.names = FALSE)
}

mp_put <- function(out, bytes) {
  n <- out$n + 1L
  if (n > length(out$parts)) length(out$parts) <- 2L * n
  out$parts[[n]] <- bytes
  out$n <- n
}

mp_be <- function(x, size) writeBin(as.integer(x), raw(), size = size, endian = "big")

# Unsigned 32 bits: R's integers end at 2^31 - 1.
mp_u32 <- function(n) {
  if (n < 2147483648) return(mp_be(n, 4L))
  as.raw(c(n %/% 16777216, (n %/% 65536) %% 256, (n %/% 256) %% 256, n %% 256))
}

# A header whose length takes 4, 8, 16 or 32 bits. codes are the header bytes for those, NA where there is none.
mp_head <- function(n, fix, fixmax, c8, c16, c32) {
  if (n <= fixmax) return(as.raw(fix + n))
  if (!is.na(c8) && n < 256L) return(as.raw(c(c8, n)))
  if (n < 65536) return(as.raw(c(c16, n %/% 256, n %% 256)))
  c(as.raw(c32), mp_u32(n))
}
mp_head_map <- function(n) mp_head(n, 0x80, 15L, NA, 0xde, 0xdf)
mp_head_array <- function(n) mp_head(n, 0x90, 15L, NA, 0xdc, 0xdd)
mp_head_str <- function(n) mp_head(n, 0xa0, 31L, 0xd9, 0xda, 0xdb)
mp_head_bin <- function(n) mp_head(n, 0, -1L, 0xc4, 0xc5, 0xc6)

mp_refuse <- function(path, why) {
  stop(simpleError(sprintf("%s cannot be written as msgpack: %s", path, why), call = NULL))
}

mp_write <- function(out, x, depth, path) {
  if (is.null(x)) return(mp_put(out, as.raw(0xc0)))
  if (is.object(x)) {
    if (inherits(x, "starburst_ext")) return(mp_write_ext(out, x))
    if (inherits(x, "starburst_str")) { # text that R cannot hold as text
      mp_put(out, mp_head_str(length(x)))
      return(if (length(x) > 0L) mp_put(out, unclass(x)))
    }
    if (inherits(x, "starburst_map")) return(mp_write_keyed(out, x, depth, path))
    if (inherits(x, "starburst_bigint")) return(mp_put(out, mp_bigint(unclass(x))))
    x <- mp_plain(x, path)
  }
  if (is.raw(x)) {
    mp_put(out, mp_head_bin(length(x)))
    return(if (length(x) > 0L) mp_put(out, as.vector(x)))
  }
  if (is.matrix(x)) x <- lapply(seq_len(nrow(x)), function(i) I(x[i, ]))
  if (!is.vector(x) && !is.atomic(x)) mp_refuse(path, sprintf("a %s has no form there", typeof(x)))
  if (!is.null(names(x))) return(mp_write_map(out, x, depth, path))
  if (is.list(x)) {
    mp_deep(depth, path)
    mp_put(out, mp_head_array(length(x)))
    for (i in seq_along(x)) mp_write(out, x[[i]], depth + 1L, sprintf("%s[[%d]]", path, i))
    return(invisible())
  }
  if (length(x) != 1L || inherits(x, "AsIs")) mp_put(out, mp_head_array(length(x)))
  mp_write_atoms(out, x, path)
}

# Turns the classes that the profile knows into plain vectors; integer64 and AsIs stay.
mp_plain <- function(x, path) {
  asis <- inherits(x, "AsIs")
  y <- if (is.factor(x)) as.character(x)
  else if (inherits(x, "Date")) format(x, "%Y-%m-%d")
  else if (inherits(x, "POSIXt")) mp_time_text(x)
  else if (inherits(x, "difftime")) as.vector(unclass(x)) * c(secs = 1, mins = 60, hours = 3600, days = 86400, weeks = 604800)[[attr(x, "units")]]
  else if (is.data.frame(x)) lapply(as.list(x), function(col) if (is.list(col)) col else I(col))
  else if (inherits(x, "integer64")) return(x)
  else if (is.environment(x) || isS4(x)) mp_refuse(path, sprintf("an object of class %s has no form there", class(x)[[1L]]))
  else if (asis) return(x)
  else unclass(x)
  if (is.data.frame(x) && length(x) == 0L) names(y) <- character()
  if (asis && is.atomic(y)) I(y) else y
}

mp_time_text <- function(x) {
  x <- as.POSIXct(x)
  t <- as.numeric(x)
  whole <- floor(t + 5e-7) # microseconds: a double has no more
  micro <- round((t - whole) * 1e6)
  text <- format(as.POSIXct(whole, origin = "1970-01-01", tz = "UTC"), "%Y-%m-%dT%H:%M:%S", tz = "UTC")
  frac <- sub("0+$", "", sprintf("%06d", as.integer(ifelse(is.na(micro), 0, pmax(micro, 0)))))
  ifelse(is.na(t), NA_character_, paste0(text, ifelse(frac == "", "", paste0(".", frac)), "Z"))
}

mp_deep <- function(depth, path) {
  if (depth > MP_MAX_DEPTH) mp_refuse(path, sprintf("it is nested more than %d deep", MP_MAX_DEPTH))
}

mp_write_map <- function(out, x, depth, path) {
  mp_deep(depth, path)
  keys <- mp_utf8(names(x), path)
  if (anyNA(keys) || anyDuplicated(keys)) mp_refuse(path, "its names are not distinct")
  mp_put(out, mp_head_map(length(x)))
  for (i in seq_along(x)) {
    mp_write_text(out, keys[[i]])
    mp_write(out, x[[i]], depth + 1L, paste0(path, "$", keys[[i]]))
  }
}

# A map whose keys are not all texts, as msgpack_decode returns it.
mp_write_keyed <- function(out, x, depth, path) {
  mp_deep(depth, path)
  x <- unclass(x)
  mp_put(out, mp_head_map(length(x$keys)))
  for (i in seq_along(x$keys)) {
    mp_write(out, x$keys[[i]], depth + 1L, path)
    mp_write(out, x$values[[i]], depth + 1L, path)
  }
}

mp_write_ext <- function(out, x) {
  n <- length(x$data)
  fixed <- match(n, c(1L, 2L, 4L, 8L, 16L))
  mp_put(out, if (is.na(fixed)) mp_head(n, 0, -1L, 0xc7, 0xc8, 0xc9) else as.raw(0xd3 + fixed))
  mp_put(out, as.raw(x$type %% 256L))
  if (n > 0L) mp_put(out, x$data)
}

mp_write_text <- function(out, s) {
  b <- charToRaw(s)
  mp_put(out, mp_head_str(length(b)))
  if (length(b) > 0L) mp_put(out, b)
}

mp_write_atoms <- function(out, x, path) {
  if (inherits(x, "integer64")) {
    bits <- unclass(x)
    for (i in seq_along(bits)) mp_put(out, mp_int64(bits[[i]]))
    return(invisible())
  }
  x <- unclass(x)
  switch(typeof(x),
    logical = mp_put(out, as.raw(ifelse(is.na(x), 0xc0, ifelse(x, 0xc3, 0xc2)))),
    integer = mp_put(out, mp_ints(x)),
    double = mp_put(out, mp_doubles(x)),
    character = {
      x8 <- mp_utf8(x, path)
      for (i in seq_along(x8)) if (is.na(x8[[i]])) mp_put(out, as.raw(0xc0)) else mp_write_text(out, x8[[i]])
    },
    mp_refuse(path, sprintf("a %s vector has no form there", typeof(x)))
  )
}

# UTF-8 whatever the locale. enc2utf8 would write what is not valid as "<ff>", and in the locale "C" all that is not ASCII.
mp_utf8 <- function(x, path) {
  if (!l10n_info()$`Latin-1`) {
    unmarked <- !is.na(x) & Encoding(x) == "unknown" & grepl("[^ -~[:space:]]", x, useBytes = TRUE)
    if (!all(validUTF8(x[unmarked]))) mp_refuse(path, "a text is not UTF-8; send its bytes: charToRaw()")
    Encoding(x[unmarked]) <- "UTF-8"
  }
  x <- enc2utf8(x)
  if (!all(validUTF8(x))) mp_refuse(path, "a text is not UTF-8; send its bytes: charToRaw()")
  x
}

mp_ints <- function(x) {
  one <- function(v) {
    if (is.na(v)) as.raw(0xc0)
    else if (v >= -32L && v < 128L) as.raw(v %% 256L)
    else if (v >= 0L) { if (v < 256L) as.raw(c(0xcc, v)) else if (v < 65536L) c(as.raw(0xcd), mp_be(v, 2L)) else c(as.raw(0xce), mp_be(v, 4L)) }
    else if (v >= -128L) as.raw(c(0xd0, v %% 256L))
    else if (v >= -32768L) c(as.raw(0xd1), mp_be(v, 2L))
    else c(as.raw(0xd2), mp_be(v, 4L))
  }
  if (length(x) == 1L) return(one(x))
  if (length(x) == 0L) return(raw())
  if (!anyNA(x) && all(x >= -32L & x < 128L)) return(as.raw(x %% 256L))
  unlist(lapply(x, one), use.names = FALSE)
}

# NA is nil; NaN, which R tells apart from it, stays.
mp_doubles <- function(x) {
  if (length(x) == 0L) return(raw())
  bytes <- writeBin(as.vector(x), raw(), endian = "big")
  all <- rbind(as.raw(0xcb), matrix(bytes, nrow = 8L))
  missing <- is.na(x) & !is.nan(x)
  if (!any(missing)) return(as.vector(all))
  unlist(lapply(seq_along(x), function(i) if (missing[[i]]) as.raw(0xc0) else all[, i]), use.names = FALSE)
}

# The eight bytes of an integer64 lie in a double.
mp_int64 <- function(bits) {
  b <- writeBin(bits, raw(), endian = "big")
  if (identical(b, MP_NA64)) return(as.raw(0xc0))
  hi <- readBin(b[1:4], "integer", endian = "big")
  lo <- readBin(b[5:8], "integer", endian = "big")
  if (!is.na(lo) && identical(hi, if (lo < 0L) -1L else 0L)) return(mp_ints(lo))
  if (identical(hi, 0L)) return(c(as.raw(0xce), b[5:8]))
  c(as.raw(if (!is.na(hi) && hi >= 0L) 0xcf else 0xd3), b)
}

# Decimal digits of 2^63 and above, or of -2^63.
mp_bigint <- function(digits) {
  if (startsWith(digits, "-")) return(c(as.raw(0xd3), MP_NA64))
  b <- numeric(8L)
  for (d in as.numeric(strsplit(digits, "")[[1L]])) {
    carry <- d
    for (i in 8:1) {
      v <- b[i] * 10 + carry
      b[i] <- v %% 256
      carry <- v %/% 256
    }
  }
  as.raw(c(0xcf, b))
}

#' Decode msgpack
#'
#' Reads exactly one value and checks every length against the bytes that are there before anything is reserved.
#'
#' Integers become integers where R's fit, doubles up to 2^53, and beyond that `integer64` (of package bit64) or, where
#' that has no such value (2^63 and above, and -2^63), their digits as a `starburst_bigint`. Maps with text keys become named lists, others a `starburst_map` of keys and
#' values. Bytes are raw. Extensions are `starburst_ext`; text that is not UTF-8 or holds a NUL is a `starburst_str`.
#'
#' @param bytes a raw vector.
#' @param simplify whether arrays of numbers, of texts or of logicals become vectors (nil in them NA), instead of lists.
#' @return the value.
#' @seealso [msgpack_encode()]
#' @examples
#' msgpack_decode(msgpack_encode(list(id = "AAPL", price = 187.25)))
#' @export
msgpack_decode <- function(bytes, simplify = TRUE) {
  if (!is.raw(bytes)) stop("bytes must be a raw vector, not ", class(bytes)[[1L]], call. = FALSE)
  r <- new.env(parent = emptyenv())
  r$b <- bytes
  r$at <- 1L
  r$end <- length(bytes)
  r$simplify <- isTRUE(simplify)
  x <- mp_read(r, 1L)
  if (r$at <= r$end) mp_bad(r, sprintf("%d bytes follow the value", r$end - r$at + 1L))
  x
}

mp_bad <- function(r, why) {
  stop(structure(class = c("starburst_msgpack_error", "error", "condition"),
    list(message = sprintf("malformed msgpack at byte %d: %s", r$at - 1L, why), call = NULL)))
}

mp_need <- function(r, n) {
  if (n > r$end - r$at + 1) mp_bad(r, "it ends too early")
}

mp_take <- function(r, n) {
  mp_need(r, n)
  at <- r$at
  r$at <- at + as.integer(n)
  if (n == 0) raw() else r$b[at:(at + n - 1)]
}

# An unsigned integer of 1, 2 or 4 bytes, as a double.
mp_uint <- function(r, n) {
  b <- as.numeric(mp_take(r, n))
  switch(n, b, b[1L] * 256 + b[2L], , ((b[1L] * 256 + b[2L]) * 256 + b[3L]) * 256 + b[4L])
}

mp_number <- function(v) if (v <= 2147483647 && v >= -2147483647) as.integer(v) else v

mp_read <- function(r, depth) {
  mp_need(r, 1)
  h <- as.integer(r$b[[r$at]])
  r$at <- r$at + 1L
  if (h < 0x80L) return(h)
  if (h >= 0xe0L) return(h - 256L)
  if (h < 0x90L) return(mp_read_map(r, h - 0x80L, depth))
  if (h < 0xa0L) return(mp_read_array(r, h - 0x90L, depth))
  if (h < 0xc0L) return(mp_read_str(r, h - 0xa0L))
  switch(h - 0xbfL,
    NULL, # c0
    mp_bad(r, "c1 begins no value"),
    FALSE, TRUE, # c2 c3
    mp_take(r, mp_uint(r, 1L)), mp_take(r, mp_uint(r, 2L)), mp_take(r, mp_uint(r, 4L)), # bin
    mp_read_ext(r, mp_uint(r, 1L)), mp_read_ext(r, mp_uint(r, 2L)), mp_read_ext(r, mp_uint(r, 4L)),
    readBin(mp_take(r, 4L), "double", size = 4L, endian = "big"), # ca
    readBin(mp_take(r, 8L), "double", endian = "big"), # cb
    mp_number(mp_uint(r, 1L)), mp_number(mp_uint(r, 2L)), mp_number(mp_uint(r, 4L)), mp_read_int64(r, FALSE), # cc-cf
    readBin(mp_take(r, 1L), "integer", size = 1L), # d0
    readBin(mp_take(r, 2L), "integer", size = 2L, endian = "big"),
    mp_read_int32(r), mp_read_int64(r, TRUE), # d2 d3
    mp_read_ext(r, 1), mp_read_ext(r, 2), mp_read_ext(r, 4), mp_read_ext(r, 8), mp_read_ext(r, 16), # d4-d8
    mp_read_str(r, mp_uint(r, 1L)), mp_read_str(r, mp_uint(r, 2L)), mp_read_str(r, mp_uint(r, 4L)),
    mp_read_array(r, mp_uint(r, 2L), depth), mp_read_array(r, mp_uint(r, 4L), depth),
    mp_read_map(r, mp_uint(r, 2L), depth), mp_read_map(r, mp_uint(r, 4L), depth)
  )
}

mp_read_int32 <- function(r) {
  v <- readBin(mp_take(r, 4L), "integer", endian = "big")
  if (is.na(v)) -2147483648 else v # R's NA has these bits
}

mp_read_int64 <- function(r, signed) {
  b <- mp_take(r, 8L)
  n <- as.numeric(b)
  negative <- signed && n[1L] >= 128
  if (!signed && n[1L] >= 128) return(structure(mp_digits(b), class = "starburst_bigint"))
  if (identical(b, MP_NA64)) return(structure(paste0("-", mp_digits(b)), class = "starburst_bigint"))
  if (negative) n <- 255 - n # the value is -(n + 1)
  hi <- ((n[1L] * 256 + n[2L]) * 256 + n[3L]) * 256 + n[4L]
  lo <- ((n[5L] * 256 + n[6L]) * 256 + n[7L]) * 256 + n[8L]
  if (hi > 2097151) return(structure(readBin(b, "double", endian = "big"), class = "integer64"))
  v <- hi * 4294967296 + lo
  mp_number(if (negative) -v - 1 else v)
}

# The decimal digits of eight bytes, by long division.
mp_digits <- function(b) {
  n <- as.numeric(b)
  digits <- character()
  while (any(n > 0)) {
    rest <- 0
    for (i in seq_along(n)) {
      v <- rest * 256 + n[i]
      n[i] <- v %/% 10
      rest <- v %% 10
    }
    digits <- c(rest, digits)
  }
  paste(digits, collapse = "")
}

mp_read_str <- function(r, n) {
  b <- mp_take(r, n)
  if (n == 0) return("")
  if (any(b == as.raw(0))) return(structure(b, class = "starburst_str"))
  s <- rawToChar(b)
  if (!validUTF8(s)) return(structure(b, class = "starburst_str"))
  Encoding(s) <- "UTF-8"
  s
}

mp_read_ext <- function(r, n) {
  mp_need(r, n + 1)
  type <- readBin(mp_take(r, 1L), "integer", size = 1L)
  structure(list(type = type, data = mp_take(r, n)), class = "starburst_ext")
}

mp_read_array <- function(r, n, depth) {
  mp_need(r, n)
  if (depth > MP_MAX_DEPTH) mp_bad(r, sprintf("it is nested more than %d deep", MP_MAX_DEPTH))
  if (n > 8 && r$simplify && !is.null(x <- mp_read_doubles(r, n))) return(x)
  x <- vector("list", n)
  for (i in seq_len(n)) {
    v <- mp_read(r, depth + 1L)
    if (!is.null(v)) x[[i]] <- v
  }
  if (r$simplify) mp_simplify(x) else x
}

# An array of nothing but 64-bit floats, in one go; NULL when it is something else.
mp_read_doubles <- function(r, n) {
  if (9 * n > r$end - r$at + 1) return(NULL)
  all <- r$b[r$at:(r$at + 9 * n - 1)]
  dim(all) <- c(9L, n)
  if (any(all[1L, ] != as.raw(0xcb))) return(NULL)
  r$at <- r$at + as.integer(9 * n)
  readBin(as.vector(all[-1L, ]), "double", n = n, endian = "big")
}

mp_simplify <- function(x) {
  if (length(x) == 0L) return(x)
  kinds <- unique(vapply(x, function(v) {
    if (is.null(v)) "null" else if (is.object(v) || length(v) != 1L || !is.null(names(v))) "other" else typeof(v)
  }, ""))
  rest <- setdiff(kinds, "null")
  one <- length(rest) == 1L && rest %in% c("logical", "integer", "double", "character")
  if (!one && !(length(rest) == 2L && all(rest %in% c("integer", "double")))) return(x)
  unlist(lapply(x, function(v) if (is.null(v)) NA else v), use.names = FALSE)
}

mp_read_map <- function(r, n, depth) {
  mp_need(r, 2 * n)
  if (depth > MP_MAX_DEPTH) mp_bad(r, sprintf("it is nested more than %d deep", MP_MAX_DEPTH))
  keys <- vector("list", n)
  values <- vector("list", n)
  for (i in seq_len(n)) {
    k <- mp_read(r, depth + 1L)
    if (!is.null(k)) keys[[i]] <- k
    v <- mp_read(r, depth + 1L)
    if (!is.null(v)) values[[i]] <- v
  }
  text <- vapply(keys, function(k) is.character(k) && !is.object(k), TRUE)
  if (all(text)) {
    names(values) <- as.character(unlist(keys))
    if (n <= MP_SEARCHED && anyDuplicated(names(values))) mp_bad(r, "a key is there twice")
    return(values)
  }
  if (n <= MP_SEARCHED && anyDuplicated(lapply(keys, mp_same_key))) mp_bad(r, "a key is there twice")
  structure(list(keys = keys, values = values), class = "starburst_map")
}

# 1 and 1.0 are the same key.
mp_same_key <- function(k) if (is.numeric(k) && !is.object(k)) as.numeric(k) else k

#' @export
print.starburst_bigint <- function(x, ...) {
  cat(unclass(x), "\n")
  invisible(x)
}
