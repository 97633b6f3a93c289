# The wire format's vectors, which lie outside the package: scripts/r/test.sh says where, and insists on them.
vectors_file <- function() {
  f <- Sys.getenv("STARBURST_VECTORS")
  if (f == "") skip("STARBURST_VECTORS is not set")
  f
}

# A JSON reader that keeps apart what jsonlite does not: 1 and 1.0, all digits of an integer, and the order of keys.
# Integers become class "int" (their text), null becomes the symbol null.
json_read <- function(text) {
  text <- gsub("\\u0000", "", text, fixed = TRUE) # a NUL is in no text of R
  env <- new.env()
  env$cs <- utf8ToInt(enc2utf8(text))
  env$at <- 1L
  peek <- function() {
    while (env$cs[env$at] %in% c(32L, 9L, 10L, 13L)) env$at <- env$at + 1L
    intToUtf8(env$cs[env$at])
  }
  take <- function(n = 1L) {
    v <- intToUtf8(env$cs[env$at + seq_len(n) - 1L])
    env$at <- env$at + n
    v
  }
  str <- function() {
    take()
    from <- env$at
    while (env$cs[env$at] != 34L) env$at <- env$at + if (env$cs[env$at] == 92L) 2L else 1L
    body <- intToUtf8(env$cs[seq.int(from, length.out = env$at - from)])
    take()
    if (body == "") "" else if (grepl("\\", body, fixed = TRUE)) jsonlite::fromJSON(paste0("[\"", body, "\"]"))[[1L]] else body
  }
  value <- function() switch(peek(),
    "{" = {
      take()
      out <- structure(list(), names = character())
      while (peek() != "}") {
        if (peek() == ",") take()
        peek()
        k <- str()
        peek()
        take() # the colon
        out[[length(out) + 1L]] <- value()
        names(out)[[length(out)]] <- k
      }
      take()
      out
    },
    "[" = {
      take()
      out <- list()
      while (peek() != "]") {
        if (peek() == ",") take()
        out[[length(out) + 1L]] <- value()
      }
      take()
      out
    },
    "\"" = str(), t = { take(4L); TRUE }, f = { take(5L); FALSE }, n = { take(4L); quote(null) },
    {
      from <- env$at
      while (env$at <= length(env$cs) && intToUtf8(env$cs[env$at]) %in% c(0:9, "-", "+", ".", "e", "E")) env$at <- env$at + 1L
      num <- intToUtf8(env$cs[seq.int(from, length.out = env$at - from)])
      if (grepl("[.eE]", num)) as.numeric(num) else big(num)
    })
  value()
}

# Integers that R holds as a double compare as one.
big <- function(num) if (abs(as.numeric(num)) > 2147483647 && (abs(as.numeric(num)) < 2^53 || num == "-9007199254740992")) as.numeric(num) else structure(num, class = "int")

b64 <- function(b) jsonlite::base64_enc(b)

# The JSON view (docs/wire-format.md §5) of a decoded value, in the terms of json_read.
view <- function(x) {
  if (is.null(x)) return(quote(null))
  if (inherits(x, "starburst_ext")) return(if (x$type == -1L && length(x$data) %in% c(4L, 8L, 12L)) "time" else list(`$ext` = list(view(x$type), b64(x$data))))
  if (inherits(x, "starburst_str") && any(x == as.raw(0)) && validUTF8(s <- rawToChar(x[x != as.raw(0)]))) return(`Encoding<-`(s, "UTF-8"))
  if (inherits(x, "starburst_str") || is.raw(x)) return(list(`$bin` = b64(unclass(x))))
  if (inherits(x, "starburst_bigint")) return(structure(unclass(x), class = "int"))
  if (inherits(x, "integer64")) return(structure(bit64_digits(x), class = "int"))
  if (inherits(x, "starburst_map")) {
    x <- unclass(x)
    return(stats::setNames(lapply(x$values, view), vapply(x$keys, function(k) json_text(view(k)), "")))
  }
  if (is.list(x)) return(lapply(x, view))
  if (is.integer(x)) return(structure(format(x, scientific = FALSE), class = "int"))
  if (is.double(x)) {
    if (is.nan(x)) return("NaN")
    if (is.infinite(x)) return(if (x > 0) "Infinity" else "-Infinity")
  }
  x
}

json_text <- function(v) if (is.character(v) && !inherits(v, "int")) v else if (is.symbol(v)) "null" else if (is.logical(v)) tolower(v) else if (!is.list(v)) as.character(v) else if (is.null(v$`$ext`)) sprintf("{\"$bin\":\"%s\"}", v[[1L]]) else sprintf("{\"$ext\":[%s,\"%s\"]}", v[[1L]][[1L]], v[[1L]][[2L]])

bit64_digits <- function(x) {
  b <- as.numeric(writeBin(unclass(x), raw(), endian = "big"))
  if (b[1] < 128) return(starburst:::mp_digits(as.raw(b)))
  b <- 255 - b # -(n+1)
  i <- 8L
  while (i > 0L && b[i] == 255) { b[i] <- 0; i <- i - 1L }
  b[i] <- b[i] + 1
  paste0("-", starburst:::mp_digits(as.raw(b)))
}

hex <- function(s) as.raw(strtoi(substring(s, seq(1L, nchar(s), 2L), seq(2L, nchar(s), 2L)), 16L))

# The vectors: name, body, raw (bytes or NULL), view (or NULL) and what is expected.
vectors <- function() {
  lines <- readLines(vectors_file(), encoding = "UTF-8", warn = FALSE)
  lines <- sub(",$", "", lines[grepl("^ *\\{", lines)])
  lapply(lines, function(l) {
    v <- jsonlite::fromJSON(l, simplifyVector = FALSE)
    v$view <- if (!is.null(v[["raw"]]) && grepl("\"json\":", l, fixed = TRUE)) {
      tail <- sub("^.*?\"raw\":\"[0-9a-f]*\",", "", l, perl = TRUE)
      json_read(paste0("{", tail))[["json"]]
    }
    v
  })
}

# What json_read and view write differently.
normal <- function(x) {
  if (is.list(x)) {
    x <- lapply(x, normal)
    if (length(x) == 0L) x <- list()
  } else if (is.character(x) && !inherits(x, "int") && grepl("^[0-9]{4}-[0-9]{2}-[0-9]{2}T.*Z$", x)) {
    x <- "time"
  } else if (is.double(x)) {
    x <- structure(sprintf("%.17g", x), class = "float")
  }
  x
}

