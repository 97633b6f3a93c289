test_that("a future whose worker is killed runs again on another", {
  mark <- tempfile("mark-")
  with_fleet({
    f <- future({
      first <- !file.exists(mark)
      file.create(mark)
      if (first) tools::pskill(Sys.getpid(), tools::SIGKILL)
      "second run"
    })
    expect_identical(value(f), "second run")
  })
})

test_that("a future whose whole worker is killed, the process around its R, runs again on another", {
  mark <- tempfile("mark-")
  with_fleet({
    f <- future({
      first <- !file.exists(mark)
      file.create(mark)
      if (first) {
        system(sprintf("kill -KILL $(ps -o ppid= -p %d)", Sys.getpid()))
        Sys.sleep(60)
      }
      "second run"
    })
    expect_identical(value(f), "second run") # when the message of the killed worker shows up again
  })
})

test_that("a future that kills every worker fails alone", {
  with_fleet(attempts = 2, {
    bad <- future(tools::pskill(Sys.getpid(), tools::SIGKILL), label = "the bad one")
    good <- lapply(1:10, function(i) future(i))
    e <- error_of(value(bad))
    expect_s3_class(e, "FutureError")
    expect_match(conditionMessage(e), "'the bad one'.*its worker died")
    expect_identical(value(good), as.list(1:10))
  })
})

test_that("a future is lost with its fleet, and the next one opens another", {
  with_fleet({
    f <- future(Sys.sleep(30))
    fleet <- f$fleet
    Sys.sleep(0.5)
    close(fleet$con) # the bridge sees the end, as after a kill
    expect_s3_class(error_of(value(f)), "FutureError")
    expect_identical(value(future("new fleet")), "new fleet")
  })
})

test_that("workers end with the R that started them", {
  need_fleet()
  out <- fresh_r(wait = FALSE, c(
    "plan(starburst, workers = 1)",
    "cat('WORKER', value(future(Sys.getpid())), Sys.getpid(), '\\n')",
    "f <- future(Sys.sleep(600)); Sys.sleep(600)"))
  eventually(file.exists(out) && any(grepl("^WORKER", readLines(out, warn = FALSE))))
  said <- as.integer(strsplit(grep("^WORKER", readLines(out), value = TRUE), " ")[[1]][2:3])
  expect_true(tools::pskill(said[[1]], 0L))
  tools::pskill(said[[2]], tools::SIGKILL)
  eventually(!tools::pskill(said[[1]], 0L))
  expect_false(tools::pskill(said[[1]], 0L))
})

test_that("a worker without eval does not run code, and says so", {
  need_fleet()
  expect_error(starburst:::check_handlers(list(1)), "named list")
  expect_error(starburst:::check_handlers(list(f = 1)), "not a function")
  out <- fresh_r("tryCatch(sb_worker(list(f = function(x) x)), error = function(e) cat(conditionMessage(e)))")
  expect_match(paste(out, collapse = " "), "it is started by: starburst worker --serve")
})
