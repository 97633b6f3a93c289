# The effect of a treatment, with its uncertainty: 10,000 resamples of an experiment's 220 rows, which travel along as a global.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "common.R"))

set.seed(42)
experiment <- data.frame(group = rep(c("control", "treatment"), c(100, 120)), outcome = c(rnorm(100, 50, 10), rnorm(120, 55, 12)))

effect <- function(d) {
  treated <- d$group == "treatment"
  a <- d$outcome[!treated]
  b <- d$outcome[treated]
  c(effect = mean(b) - mean(a), cohen = (mean(b) - mean(a)) / sqrt((var(a) + var(b)) / 2))
}

resample <- function(i) effect(experiment[sample.int(nrow(experiment), replace = TRUE), ])

both_ways("Bootstrap confidence intervals", function() {
  do.call(rbind, future.apply::future_lapply(1:10000, resample, future.seed = TRUE))
}, function(boot) {
  observed <- effect(experiment)
  ci <- quantile(boot[, "effect"], c(0.025, 0.975))
  d <- quantile(boot[, "cohen"], c(0.025, 0.975))
  line("effect, and its standard error", "%.3f, %.3f", observed[["effect"]], sd(boot[, "effect"]))
  line("95 % of resamples lie in", "%.3f to %.3f", ci[[1]], ci[[2]])
  line("Cohen's d", "%.3f (%.3f to %.3f)", observed[["cohen"]], d[[1]], d[[2]])
  line("resamples without an effect", "%.2f %%", 100 * mean(boot[, "effect"] <= 0))
})
