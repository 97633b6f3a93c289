# A year of a portfolio, 10,000 times: 252 daily returns each, with a random stream for every path.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "common.R"))

START <- 100000

simulate_portfolio <- function(i) {
  returns <- rnorm(252, mean = 0.0003, sd = 0.02)
  value <- START * cumprod(1 + returns)
  c(final = value[252], drawdown = min(value / cummax(value) - 1), sharpe = mean(returns) / sd(returns) * sqrt(252))
}

both_ways("Monte Carlo portfolio", function() {
  do.call(rbind, furrr::future_map(1:10000, simulate_portfolio, .options = furrr::furrr_options(seed = TRUE)))
}, function(paths) {
  final <- paths[, "final"]
  q <- quantile(final, c(0.05, 0.95))
  line("paths", "%d", nrow(paths))
  line("final value, mean and median", "%.0f, %.0f", mean(final), median(final))
  line("9 of 10 lie in", "%.0f to %.0f", q[[1]], q[[2]])
  line("deepest fall, mean", "%.1f %%", 100 * mean(paths[, "drawdown"]))
  line("Sharpe ratio, mean", "%.3f", mean(paths[, "sharpe"]))
  line("chance of a loss", "%.1f %%", 100 * mean(final < START))
  line("chance of more than 20 %", "%.1f %%", 100 * mean(final > 1.2 * START))
})
