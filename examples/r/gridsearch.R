# Sixteen configurations of a logistic regression, each judged by five folds: 80 models, on the same folds for all.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "common.R"))

set.seed(123)
n <- 1000
x <- matrix(rnorm(4 * n), n, dimnames = list(NULL, paste0("x", 1:4)))
y <- rbinom(n, 1, plogis(0.5 * x[, 1] + 0.8 * x[, 2] - 0.3 * x[, 3] + 0.6 * x[, 1] * x[, 2] + rnorm(n, 0, 0.5)))
folds <- sample(rep(1:5, length.out = n))

sets <- list(all = 1:4, x1_x3 = 1:3, x1_x2 = 1:2, x2_x4 = c(2, 4))
grid <- expand.grid(lambda = c(0.001, 0.01, 0.1, 1), features = names(sets), fold = 1:5, stringsAsFactors = FALSE)

fit <- function(x, y, lambda) {
  x <- cbind(1, x)
  beta <- numeric(ncol(x))
  for (step in 1:100) beta <- beta - 0.01 * (crossprod(x, plogis(drop(x %*% beta)) - y) / nrow(x) + lambda * c(0, beta[-1]))
  beta
}

accuracy <- function(i) {
  g <- grid[i, ]
  columns <- sets[[g$features]]
  out <- folds == g$fold
  beta <- fit(x[!out, columns], y[!out], g$lambda)
  mean((drop(cbind(1, x[out, columns]) %*% beta) > 0) == y[out])
}

both_ways("Grid search", function() {
  furrr::future_map_dbl(seq_len(nrow(grid)), accuracy, .options = furrr::furrr_options(scheduling = Inf)) # a future for each model
}, function(score) {
  mean_of <- aggregate(score ~ lambda + features, cbind(grid, score), mean)
  best <- mean_of[order(-mean_of$score), ][1:5, ]
  line("models", "%d of %d configurations", length(score), nrow(mean_of))
  for (i in 1:5) line(if (i == 1) "best" else "", "%.4f with lambda %g, %s", best$score[i], best$lambda[i], best$features[i])
})
