test_that("the msgpack of each vector is read as the specification says", {
  seen <- 0L
  for (v in vectors()) {
    if (is.null(v[["raw"]]) || !is.null(v[["repeat"]])) next
    bytes <- hex(v$raw)
    if (is.null(v$view) || identical(v$reason, "msgpack")) {
      expect_error(msgpack_decode(bytes, simplify = FALSE), class = "starburst_msgpack_error", info = v$name)
    } else if (is.null(v$reason) || !inherits(try(msgpack_decode(bytes), silent = TRUE), "try-error")) {
      got <- view(msgpack_decode(bytes, simplify = FALSE))
      want <- v$view
      expect_equal(normal(got), normal(want), info = v$name)
    }
    seen <- seen + 1L
  }
  expect_gt(seen, 150L)
})

test_that("what is read is written back to the same value", {
  for (v in vectors()) {
    if (is.null(v[["message"]]) || is.null(v[["raw"]]) || !is.null(v[["repeat"]])) next
    x <- msgpack_decode(hex(v$raw), simplify = FALSE)
    if (grepl("not searched for duplicate", v$name)) next # in a large map; we write none
    expect_identical(msgpack_decode(msgpack_encode(x), simplify = FALSE), x, info = v$name)
  }
})

test_that("bodies in base64 are those of their msgpack", {
  n <- 0L
  for (v in vectors()) {
    if (is.null(v[["message"]]) || is.null(v[["raw"]]) || !is.null(v[["repeat"]]) || grepl("^\\s*(\\{|z1\\.)", v$body)) next
    body <- chartr("-_", "+/", gsub("\\s|=", "", v$body))
    body <- paste0(body, strrep("=", -nchar(body) %% 4L))
    expect_identical(jsonlite::base64_dec(body), hex(v$raw), info = v$name)
    n <- n + 1L
  }
  expect_gt(n, 40L)
})
