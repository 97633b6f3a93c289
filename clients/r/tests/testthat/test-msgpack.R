round_trip <- function(x) msgpack_decode(msgpack_encode(x))
bytes <- function(...) as.raw(c(...))

test_that("values of R have one form", {
  expect_identical(msgpack_encode(NULL), bytes(0xc0))
  expect_identical(msgpack_encode(NA), bytes(0xc0))
  expect_identical(msgpack_encode(NA_integer_), bytes(0xc0))
  expect_identical(msgpack_encode(NA_real_), bytes(0xc0))
  expect_identical(msgpack_encode(NA_character_), bytes(0xc0))
  expect_identical(msgpack_encode(NaN), bytes(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0))
  expect_identical(msgpack_encode(1L), bytes(0x01))
  expect_identical(msgpack_encode(-33L), bytes(0xd0, 0xdf))
  expect_identical(msgpack_encode(65536L), bytes(0xce, 0, 1, 0, 0))
  expect_identical(msgpack_encode(1), bytes(0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0))
  expect_identical(msgpack_encode(I(1L)), bytes(0x91, 0x01))
  expect_identical(msgpack_encode(c(TRUE, NA, FALSE)), bytes(0x93, 0xc3, 0xc0, 0xc2))
  expect_identical(msgpack_encode("é"), bytes(0xa2, 0xc3, 0xa9))
  expect_identical(msgpack_encode(as.raw(0:2)), bytes(0xc4, 3, 0, 1, 2))
  expect_identical(msgpack_encode(list()), bytes(0x90))
  expect_identical(msgpack_encode(structure(list(), names = character())), bytes(0x80))
  expect_identical(msgpack_encode(list(a = 1L)), bytes(0x81, 0xa1, 0x61, 0x01))
})

test_that("classes become what other languages know", {
  expect_identical(round_trip(factor(c("b", NA, "a"))), c("b", NA, "a"))
  expect_identical(round_trip(as.Date("2026-01-31")), "2026-01-31")
  expect_identical(round_trip(as.POSIXct(0.25, origin = "1970-01-01", tz = "Asia/Tokyo")), "1970-01-01T00:00:00.25Z")
  expect_identical(round_trip(as.POSIXlt("2026-03-01 12:00:00", tz = "UTC")), "2026-03-01T12:00:00Z")
  expect_identical(round_trip(as.difftime(2, units = "mins")), 120)
  expect_identical(round_trip(data.frame(x = 1:2, y = c("a", NA))), list(x = 1:2, y = c("a", NA)))
  expect_identical(round_trip(data.frame(x = 7L)), list(x = 7L))
  expect_identical(round_trip(matrix(1:4, 2)), list(c(1L, 3L), c(2L, 4L)))
  expect_identical(round_trip(list(list(NULL, 1L), list(a = list()))), list(list(NULL, 1L), list(a = list())) |> lapply(function(x) if (is.null(names(x))) c(NA, 1L) else x))
})

test_that("64-bit integers keep all their digits", {
  skip_if_not_installed("bit64")
  x <- bit64::as.integer64(c("9007199254740993", "-9223372036854775807", "5", NA, "-1", "4294967296", "-2147483649"))
  got <- msgpack_decode(msgpack_encode(x), simplify = FALSE)
  digits <- vapply(got, function(v) if (is.null(v)) "NA" else if (inherits(v, "integer64")) as.character(v) else format(v, scientific = FALSE), "")
  expect_identical(digits, c("9007199254740993", "-9223372036854775807", "5", "NA", "-1", "4294967296", "-2147483649"))
  expect_identical(unclass(msgpack_decode(bytes(0xcf, rep(0xff, 8)))), "18446744073709551615")
  expect_identical(unclass(msgpack_decode(bytes(0xd3, 0x80, rep(0, 7)))), "-9223372036854775808")
})

test_that("what is random comes back as it was", {
  set.seed(20261124)
  draw <- function(depth) switch(if (depth > 4) sample(6, 1) else sample(8, 1),
    NULL, sample(c(TRUE, FALSE), 1), sample(c(-2147483647L, -129L, -1L, 0L, 127L, 128L, 255L, 256L, 65535L, 65536L, 2147483647L), 1), rnorm(1),
    paste(sample(c(letters, "é", "日"), sample(0:40, 1), TRUE), collapse = ""), as.raw(sample(0:255, sample(0:300, 1), TRUE)),
    lapply(seq_len(sample(0:5, 1)), function(i) draw(depth + 1)),
    stats::setNames(lapply(1:3, function(i) draw(depth + 1)), sample(letters, 3)))
  for (i in 1:300) {
    x <- draw(0)
    expect_identical(msgpack_decode(msgpack_encode(x), simplify = FALSE), x)
  }
  expect_identical(round_trip(as.numeric(1:10000)), as.numeric(1:10000))
  expect_identical(round_trip(1:70000), 1:70000)
})

test_that("what has no form is an error that names it", {
  expect_error(msgpack_encode(list(a = list(1, sum))), "value\\$a\\[\\[2\\]\\].*builtin", fixed = FALSE)
  expect_error(msgpack_encode(list(e = globalenv())), "value\\$e.*environment")
  expect_error(msgpack_encode(1i), "complex")
  expect_error(msgpack_encode(list(a = 1, a = 2)), "not distinct")
  expect_error(msgpack_encode("\xff"), "UTF-8")
  deep <- 1
  for (i in 1:65) deep <- list(deep)
  expect_error(msgpack_encode(deep), "more than 64 deep")
})

test_that("no bytes hurt the reader", {
  bad <- function(...) expect_error(msgpack_decode(bytes(...)), class = "starburst_msgpack_error")
  bad(0xdd, 0x7f, 0xff, 0xff, 0xff) # an array of 2^31-1 elements
  bad(0xdf, 0xff, 0xff, 0xff, 0xff)
  bad(0xc6, 0xff, 0xff, 0xff, 0xff)
  bad(0xc1)
  bad()
  bad(0x01, 0x02)
  bad(0x82, 0xa1, 0x61, 0x01, 0xa1, 0x61, 0x02) # a key twice
  bad(rep(0x91, 65), 0x01)
  set.seed(1)
  for (i in 1:500) {
    b <- as.raw(sample(0:255, sample(1:40, 1), TRUE))
    got <- tryCatch(msgpack_decode(b), starburst_msgpack_error = function(e) NULL)
    expect_true(TRUE) # it came back
  }
})
