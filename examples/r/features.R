# Features of a million customers, in 100 chunks that are made and reduced where they are worked on.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "common.R"))

ROWS <- 10000

customers <- function() {
  data.frame(age = sample(18:80, ROWS, TRUE), income = rlnorm(ROWS, 10.5, 0.8), purchases = rpois(ROWS, 3), idle_days = rexp(ROWS, 1 / 30))
}

features <- function(chunk) {
  d <- customers()
  d$engagement <- 10 * d$purchases + 2 * pmax(0, 100 - d$idle_days) + 0.5 * d$income / 1000
  logit <- -2 + 0.01 * d$age + 1e-5 * d$income + 0.3 * d$purchases - 0.02 * d$idle_days + rnorm(ROWS, 0, 0.5)
  bracket <- cut(d$income, c(0, 30000, 60000, 100000, Inf))
  # Sums and counts, so that chunks can be added up exactly.
  list(rows = ROWS, likely = sum(plogis(logit) > 0.6), engagement = sum(d$engagement), median_income = median(d$income), age = sum(d$age),
       income = tapply(d$income, bracket, sum), n = table(bracket))
}

both_ways("Parallel data processing", function() {
  future.apply::future_lapply(1:100, features, future.seed = TRUE)
}, function(chunks) {
  total <- function(what) Reduce(`+`, lapply(chunks, `[[`, what))
  rows <- total("rows")
  line("customers", "%d in %d chunks", rows, length(chunks))
  line("likely to buy", "%d (%.2f %%)", total("likely"), 100 * total("likely") / rows)
  line("engagement, mean", "%.2f", total("engagement") / rows)
  line("income, median of medians", "%.0f", median(vapply(chunks, `[[`, 0, "median_income")))
  line("age, mean", "%.2f", total("age") / rows)
  line("income by bracket, mean", "%s", paste(sprintf("%.0f", total("income") / as.vector(total("n"))), collapse = ", "))
})
