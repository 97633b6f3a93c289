# The check list of the future specification: what every backend must do.

test_that("globals are found, and are what they were when the future was made", {
  with_fleet({
    a <- 1
    f <- future(a + 1)
    a <- 100
    expect_identical(value(f), 2)
    g <- function(x) h(x) * 2
    h <- function(x) x + 1
    expect_identical(value(future(g(1))), 4)
    expect_identical(value(future(b, globals = list(b = 5))), 5)
    local({
      inner <- 7
      expect_identical(value(future(inner)), 7)
    })
    fs <- lapply(1:3, function(i) future(i))
    expect_identical(value(fs), list(1L, 2L, 3L))
    expect_error(value(future(not_there_at_all)), "not_there_at_all")
  })
})

test_that("a future leaves nothing behind for the next one", {
  with_fleet(workers = 1, {
    value(future(assign("left_behind", 1, envir = globalenv())))
    expect_false(value(future(exists("left_behind"), globals = FALSE)))
  })
})

test_that("lazy futures run when they are asked for", {
  with_fleet({
    x <- 1
    f <- future(x, lazy = TRUE)
    x <- 2
    expect_identical(f$state, "created")
    expect_identical(value(f), 1)
    g <- future(3, lazy = TRUE)
    eventually(resolved(g))
    expect_identical(value(g), 3)
  })
})

test_that("assignment makes promises", {
  with_fleet({
    v %<-% { 6 * 7 }
    expect_identical(v, 42)
    w %<-% stop("not yet")
    expect_error(w, "not yet")
  })
})

test_that("resolved() does not block", {
  with_fleet({
    f <- future({ Sys.sleep(3); 1 })
    took <- system.time(for (i in 1:20) r <- resolved(f))[["elapsed"]]
    expect_false(r)
    expect_lt(took, 1.5)
    expect_identical(value(f), 1)
    expect_true(resolved(f))
  })
})

test_that("output and conditions are told where value() is asked, once, in order", {
  with_fleet({
    f <- future({
      cat("one\n")
      message("two")
      warning("three")
      print(4)
      invisible(5)
    })
    told <- character()
    out <- capture.output(v <- withCallingHandlers(value(f),
      message = function(m) { told <<- c(told, trimws(conditionMessage(m))); invokeRestart("muffleMessage") },
      warning = function(w) { told <<- c(told, conditionMessage(w)); invokeRestart("muffleWarning") }))
    expect_identical(v, 5)
    expect_identical(out, c("one", "[1] 4"))
    expect_identical(told, c("two", "three"))
    expect_silent(value(f, stdout = FALSE, signal = FALSE))
    quiet <- future(cat("not told\n"), stdout = FALSE)
    expect_silent(value(quiet))
  })
})

test_that("own conditions keep their class and data", {
  with_fleet({
    f <- future(signalCondition(structure(class = c("mine", "condition"), list(message = "m", call = NULL, extra = 1:3))))
    got <- NULL
    withCallingHandlers(value(f), mine = function(c) got <<- c)
    expect_identical(got$extra, 1:3)
  })
})

test_that("errors come with their class and the calls that led to them", {
  with_fleet({
    outer <- function() inner()
    inner <- function() stop(structure(class = c("my_error", "error", "condition"), list(message = "deep", call = sys.call())))
    f <- future(outer())
    e <- error_of(value(f))
    expect_s3_class(e, "my_error")
    expect_identical(conditionMessage(e), "deep")
    expect_match(paste(deparse(conditionCall(e)), collapse = ""), "inner")
    calls <- paste(vapply(future::backtrace(f), function(c) deparse(c)[[1]], ""), collapse = " ")
    expect_match(calls, "outer\\(\\).*inner\\(\\)")
    expect_identical(value(future(tryCatch(stop("x"), error = function(e) "caught"))), "caught")
  })
})

test_that("random streams are the same as in sequence", {
  with_fleet({
    draw <- function() {
      set.seed(42)
      fs <- lapply(1:4, function(i) future(c(rnorm(2), runif(1)), seed = TRUE))
      value(fs)
    }
    here <- draw()
    old <- future::plan(future::sequential)
    there <- draw()
    future::plan(old)
    expect_identical(here, there)
    f <- future(rnorm(1))
    expect_warning(value(f), "UNRELIABLE|random")
    before <- .Random.seed
    value(future(1))
    expect_identical(.Random.seed, before)
  })
})

test_that("a future that leaves early", {
  with_fleet(attempts = 1, {
    e <- error_of(value(future(quit(save = "no", status = 3))))
    expect_s3_class(e, "FutureError")
    expect_match(conditionMessage(e), "its worker died.*exit status 3")
    expect_identical(value(future("goes on")), "goes on")
    expect_error(value(future(return(invisible(9)))), NA)
  })
})

test_that("futures inside futures run in sequence, or as the plan says", {
  need_fleet()
  old <- future::plan(list(tweak(starburst, workers = 2), future::sequential))
  on.exit(future::plan(old))
  expect_identical(value(future({
    fs <- lapply(1:3, function(i) future::future(i * 10))
    c(class(future::plan("next"))[[2L]] %in% c("sequential", "tweaked"), sum(unlist(future::value(fs))))
  })), c(1, 60))
})

test_that("packages are attached on the worker", {
  with_fleet({
    expect_identical(value(future(file_ext("a.txt"), packages = "tools")), "txt")
    expect_false(value(future("package:splines" %in% search())))
    expect_true(value(future("package:splines" %in% search(), packages = "splines")))
  })
})

test_that("a package that the worker does not have fails the future with its name, and the worker goes on", {
  with_fleet(worker_packages = "no.such.package", {
    e <- error_of(value(future(1)))
    expect_s3_class(e, "FutureError")
    expect_match(conditionMessage(e), "the package 'no.such.package' is not installed on the worker")
  })
  with_fleet(expect_identical(value(future(2)), 2))
})

test_that("large globals go through the bucket", {
  with_fleet({
    big <- rnorm(1e6) # 8 MB
    expect_identical(value(future(sum(big))), sum(big))
    expect_identical(length(value(future(numeric(1e6)))), 1000000L)
  })
})

test_that("what is too large is refused with what is large", {
  with_fleet({
    old <- options(future.globals.maxSize = Inf)
    on.exit(options(old))
    huge <- raw(70 * 1024^2)
    e <- error_of(future(length(huge)))
    expect_match(conditionMessage(e), "has [0-9]+ MB with its globals, of at most 62 MB.*huge \\(70 MB\\)")
  })
})

test_that("what exists in this process only is refused with its name", {
  with_fleet({
    con <- textConnection("x")
    on.exit(close(con))
    e <- error_of(future(readLines(con)))
    expect_s3_class(e, "FutureError")
    expect_match(conditionMessage(e), "the global 'con' \\(textConnection/connection\\) refers to something that exists in this process only")
  })
})

test_that("the number of workers is told", {
  with_fleet(workers = 3, {
    expect_identical(as.integer(nbrOfWorkers()), 3L)
    f <- future(Sys.sleep(2))
    expect_lte(nbrOfFreeWorkers(), 2L)
    value(f)
    expect_identical(as.integer(nbrOfFreeWorkers()), 3L)
  })
})

test_that("no more run at once than there are workers", {
  dir <- tempfile("at-once-")
  dir.create(dir)
  with_fleet(workers = 3, {
    fs <- lapply(1:300, function(i) future({
      from <- as.numeric(Sys.time())
      Sys.sleep(0.01)
      c(from, as.numeric(Sys.time()), Sys.getpid())
    }, globals = FALSE))
    times <- do.call(rbind, value(fs))
    at_once <- max(vapply(times[, 1], function(t) sum(times[, 1] <= t & times[, 2] > t), 0L))
    expect_lte(at_once, 3L)
    expect_gte(length(unique(times[, 3])), 2L) # and it was in parallel
  })
})

test_that("a time limit ends a future, not the worker", {
  with_fleet(timeout = 1, attempts = 1, {
    e <- error_of(value(future(Sys.sleep(60))))
    expect_match(conditionMessage(e), "longer than the plan's timeout")
    expect_identical(value(future("next")), "next")
  })
})

test_that("a cancelled future is gone, and its worker free", {
  with_fleet(workers = 1, {
    f <- future(Sys.sleep(100))
    Sys.sleep(1)
    starburst_cancel(f)
    expect_true(resolved(f))
    expect_match(conditionMessage(error_of(value(f))), "cancelled")
    expect_identical(value(future("free")), "free")
  })
})

test_that("a cap on cost stops what goes beyond it", {
  with_fleet(max_cost = 1e-9, {
    e <- error_of({
      value(future(Sys.sleep(30)))
    })
    expect_match(conditionMessage(e), "cost|\\$")
  })
})

test_that("an interrupt leaves the connection whole", {
  with_fleet({
    f <- future({ Sys.sleep(4); "done" })
    pid <- Sys.getpid()
    system(sprintf("(sleep 1; kill -INT %d) &", pid))
    got <- tryCatch(value(f), interrupt = function(i) "interrupted")
    expect_identical(got, "interrupted")
    expect_identical(value(f), "done")
  })
})

test_that("the packages built on futures agree with a sequential plan, bit for bit", {
  skip_if_not_installed("furrr")
  skip_if_not_installed("future.apply")
  with_fleet({
    work <- function() {
      set.seed(7)
      list(furrr::future_map(1:200, function(i) rnorm(3), .options = furrr::furrr_options(seed = TRUE)),
           future.apply::future_sapply(1:50, function(i) mean(rnorm(10)), future.seed = TRUE),
           future.apply::future_lapply(1:20, function(i) if (i %% 3 == 0) NULL else i, future.scheduling = Inf))
    }
    there <- work()
    old <- future::plan(future::sequential)
    here <- work()
    future::plan(old)
    expect_identical(there, here)
  })
})

test_that("ten thousand simulations are the same as in sequence, and soon there", {
  skip_if_not_installed("furrr")
  simulate_portfolio <- function(i) {
    returns <- rnorm(252, 0.0003, 0.02)
    value <- 1e5 * cumprod(1 + returns)
    c(value[252], min(value / cummax(value) - 1), mean(returns) / sd(returns))
  }
  work <- function() {
    set.seed(2026)
    furrr::future_map(1:10000, simulate_portfolio, .options = furrr::furrr_options(seed = TRUE))
  }
  old <- future::plan(future::sequential)
  here <- work()
  future::plan(old)
  with_fleet({
    took <- system.time(there <- work())[["elapsed"]]
    expect_identical(there, here)
    expect_lt(took, 20 * as.numeric(Sys.getenv("STARBURST_PATIENCE", "1"))) # 2 s on two cores of their own
  })
})
