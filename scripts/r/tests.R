# Runs the package's tests on a fleet, slowest told last; run by test.sh. What is skipped is a failure.
library(testthat)
library(starburst)

setwd("clients/r/tests/testthat")
r <- as.data.frame(test_dir(".", reporter = "check", package = "starburst", stop_on_failure = FALSE))
if (any(r$skipped)) cat("skipped:", unique(r$test[r$skipped]), sep = "\n  ")
slow <- utils::head(r[order(-r$real), c("real", "test")], 5)
cat(sprintf("  %5.1f s  %s", slow$real, slow$test), sep = "\n")
cat(sprintf("%d expectations in %d tests, %.0f s, future %s\n", sum(r$nb), nrow(r), sum(r$real), format(packageVersion("future"))))
if (nrow(r) < 55) stop("tests are missing")
quit(status = as.integer(any(r$failed > 0 | r$error | r$skipped)))
