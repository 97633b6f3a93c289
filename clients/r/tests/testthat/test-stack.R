# A stack that the environment describes: here one that `starburst dev` serves, on AWS the same variables.
with_stack <- function(code) {
  need_fleet()
  own_home()
  out <- tempfile("dev-")
  serve <- "Rscript -e 'starburst::sb_worker(list(double = function(x) 2 * x), eval = TRUE)'"
  dev <- pipe(sprintf("%s dev --serve %s --workers 2 --port 0 --state stack --json --until-eof >%s 2>&1", shQuote(starburst_binary()), shQuote(serve), shQuote(out)), "w")
  on.exit({
    starburst_shutdown() # a bridge that lives has inherited the pipe, and dev waits for its end
    close(dev)
  }, add = TRUE, after = FALSE)
  eventually(file.exists(out) && any(grepl("^\\{", readLines(out, warn = FALSE))))
  env <- unlist(jsonlite::fromJSON(grep("^\\{", readLines(out), value = TRUE)[[1]])$env)
  starburst:::with_env(env, code)
}

test_that("plans, maps and sessions use the stack that the environment describes", {
  with_stack({
    old <- future::plan(starburst, workers = 2)
    expect_identical(value(future(6 * 7)), 42)
    future::plan(old)
    starburst_shutdown()
    expect_identical(starburst_map(1:20, function(i) i + 1, workers = 2), lapply(1:20, function(i) i + 1))
    expect_true(starburst_is_configured())
    expect_match(starburst_config()$place, "^http.*starburst")

    s <- starburst_session(workers = 2)
    s$submit("kept")
    expect_identical(unname(s$collect(wait = TRUE, timeout = 60)), list("kept"))
    jobs <- starburst_status()
    expect_true(paste0(s$id, ".000001") %in% jobs$job)
    one <- starburst_status(paste0(s$id, ".000001"))
    expect_identical(one[, c("state", "tasks", "ok", "failed")], data.frame(state = "done", tasks = 1L, ok = 1L, failed = 0L))
    expect_gte(one$cost_usd, 0)
    s$detach()

    unlink(starburst:::session_file(s$id)) # as on another machine
    expect_true(s$id %in% starburst_list_sessions()$session_id)
    again <- starburst_session_attach(s$id)
    again$submit("more")
    expect_identical(unname(again$collect(wait = TRUE, timeout = 60)), list("kept", "more"))
    again$cleanup()
    expect_identical(starburst_status(paste0(s$id, ".000001"))$state, "done") # what is recorded stays
  })
})

test_that("handlers in R serve callers in any language", {
  with_stack({
    out <- system2(starburst_binary(), c("submit", "double", "--range", "1:3", "--wait", "-o", "text"), stdout = TRUE, stderr = FALSE)
    expect_identical(as.numeric(out), c(2, 4, 6))
  })
})

test_that("the quota of the account is told, or why it cannot be", {
  with_stack({
    q <- tryCatch(starburst_quota_status(), starburst_error = identity)
    expect_true(is.list(q))
  })
})
