map2 <- function(...) starburst_map(..., workers = 2)

test_that("a map is lapply", {
  need_fleet()
  x <- stats::setNames(1:300, paste0("n", 1:300))
  k <- 3
  expect_identical(map2(x, function(i) i * k), lapply(x, function(i) i * k))
  expect_identical(map2(list(a = 1, b = NULL, c = "x"), function(e) e), list(a = 1, b = NULL, c = "x"))
  expect_identical(map2(1:4, ~ .x + 1L), as.list(2:5))
  expect_identical(map2(1:3, function(x, y) x + y, y = 10L), as.list(11:13))
  expect_identical(map2(list(), identity), list())
  expect_identical(map2(as.Date("2026-01-01") + 0:1, format), list("2026-01-01", "2026-01-02"))
})

test_that("results that are NULL keep their place", {
  need_fleet()
  got <- map2(1:40, function(i) if (i %% 2 == 0) NULL else i)
  expect_length(got, 40)
  expect_identical(got[c(1, 2, 39, 40)], list(1L, NULL, 39L, NULL))
})

test_that("an error names its element", {
  need_fleet()
  e <- error_of(map2(1:100, function(i) if (i == 57) stop("bad luck") else i))
  expect_identical(conditionMessage(e), "element 57 failed: bad luck")
  expect_identical(e$element, 57L)
  expect_match(e$calls, "stop(\"bad luck\")", fixed = TRUE)
  got <- map2(1:4, function(i) if (i == 3) stop("x") else i, .on_error = "return")
  expect_identical(got[c(1, 2, 4)], list(1L, 2L, 4L))
  expect_s3_class(got[[3]], "simpleError")
})

test_that("results depend on the seed and not on the number of workers", {
  need_fleet()
  draw <- function(workers) {
    set.seed(5)
    list(starburst_map(1:60, function(i) rnorm(1), workers = workers), runif(1))
  }
  two <- draw(2)
  expect_identical(two, draw(3))
  expect_identical(map2(1:5, function(i) runif(1), .seed = 9), map2(1:5, function(i) runif(1), .seed = 9))
  expect_gt(length(unique(unlist(two[[1]]))), 59)
})

test_that("output, messages and warnings are told in the order of the elements", {
  need_fleet()
  told <- character()
  out <- capture.output(got <- withCallingHandlers(map2(1:3, function(i) {
    cat("out", i, "\n")
    message("m", i)
    warning("w", i)
    NULL
  }), message = function(m) { told <<- c(told, trimws(conditionMessage(m))); invokeRestart("muffleMessage") },
  warning = function(w) { told <<- c(told, conditionMessage(w)); invokeRestart("muffleWarning") }))
  expect_identical(out, c("out 1 ", "out 2 ", "out 3 "))
  expect_identical(told, c("m1", "w1", "m2", "w2", "m3", "w3"))
})

test_that("a cluster runs several maps on the same workers", {
  need_fleet()
  fleet <- starburst_cluster(workers = 1)
  a <- fleet$map(1:2, function(i) Sys.getpid())
  b <- fleet$map(1:2, function(i) Sys.getpid())
  expect_identical(a[[1]], b[[1]])
  expect_gt(fleet$estimate_cost(3600), 0)
  fleet$shutdown()
  expect_error(fleet$map(1, identity), "connection to the fleet is lost")
})

test_that("an estimate tells both sides", {
  need_fleet()
  x <- starburst_estimate(1:1000, function(i) Sys.sleep(0.02), workers = 50, sample_size = 3)
  expect_gt(x$task_seconds, 0.015)
  expect_equal(x$here_seconds, 1000 * x$task_seconds)
  expect_gt(x$dollars[[2]], 0)
  expect_gt(x$fleet_seconds[[2]], 10) # workers have to start
  expect_false(x$worth_it)
  expect_output(print(x), "this machine is sooner")
  expect_error(starburst_estimate(1:3, function(i) stop("no")), "element 1 fails here: no")
})
