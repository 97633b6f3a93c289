ok <- function(...) starburst:::fleet_config(...)

test_that("what a fleet cannot be is refused before anything starts", {
  for (w in list(0, 1.5, NA, "3", c(1, 2), 10001)) expect_error(ok(workers = w), "workers must be a whole number from 1 to 10000")
  expect_error(ok(launch_type = "EC2"), "billed by the whole machine.*Use launch_type = \"FARGATE\"")
  expect_error(ok(launch_type = "LAMBDA"), "must be \"FARGATE\"")
  expect_error(ok(cpu = 3), "cpu must be one of 0.25, 0.5, 1, 2, 4, 8, 16")
  expect_error(ok(cpu = 0.25, memory = "8GB"), "no worker with 0.25 vCPU and 8 GB; with that cpu, memory can be: 0.5, 1, 2 GB")
  expect_error(ok(memory = "much"), "memory must be")
  expect_error(ok(timeout = 50000), "up to 42300")
  expect_error(ok(timeout = -1), "above 0")
  expect_error(ok(max_cost = 0), "above 0")
  expect_error(ok(spot = "yes"), "TRUE or FALSE")
  expect_error(ok(packages = c("a", "")), "names of packages")
  expect_error(ok(attempts = 0), "attempts")
})

test_that("what it can be is put into one form", {
  expect_identical(ok(cpu = 0.25, memory = "512MB")$size, list(cpu = 0.25, memory = 0.5))
  expect_identical(ok(cpu = 2)$size, list(cpu = 2, memory = 4))
  expect_identical(ok(memory = 8)$size, list(cpu = 1, memory = 8))
  expect_identical(ok(cpu = 16, memory = 120)$size, list(cpu = 16, memory = 120))
  expect_identical(ok(timeout = as.difftime(2, units = "mins"))$timeout, 120)
  expect_null(ok(timeout = Inf)$timeout)
  expect_identical(ok(max_cost = 1e-5)$max_cost, "0.00001")
  expect_identical(ok(workers = function() 7)$workers, 7L)
})

test_that("a program that is not there is told with what to do", {
  old <- options(starburst.binary = "/no/such/starburst")
  on.exit(options(old))
  expect_error(starburst_binary(), "/no/such/starburst is not a program")
  expect_false(starburst_is_configured())
})

test_that("nothing here touches R's generator", {
  set.seed(1)
  before <- .Random.seed
  starburst:::random_token()
  expect_identical(.Random.seed, before)
})
