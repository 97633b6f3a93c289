# Runs the same work in sequence and on a fleet, and compares.
library(starburst)

both_ways <- function(name, work, summarise) {
  workers <- as.integer(Sys.getenv("STARBURST_WORKERS", "2"))
  timed <- function(...) {
    plan(...)
    set.seed(20260203)
    t <- system.time(r <- work())[["elapsed"]]
    list(result = r, seconds = t)
  }
  here <- timed(sequential)
  fleet <- timed(starburst, workers = workers)
  if (!identical(here$result, fleet$result)) stop(name, ": the fleet's results differ from the sequential ones")
  cat(sprintf("\n%s\n%s\n", name, strrep("-", nchar(name))))
  summarise(fleet$result)
  cat(sprintf("%-34s %6.2f s in sequence, %6.2f s on %d workers; results identical\n", "time", here$seconds, fleet$seconds, workers))
}

line <- function(what, format, ...) cat(sprintf("%-34s %s\n", what, sprintf(format, ...)))
