# Times the work of an example in examples/r as plain R does it: in sequence, by lapply, without the future packages and
# without R's own start. Prints seconds. Usage: Rscript bench/sequential.R examples/r/montecarlo.R
plain <- function(e) {
  if (!is.call(e)) return(e)
  name <- paste(deparse(e[[1]]), collapse = "")
  if (name %in% c("furrr::future_map", "future.apply::future_lapply")) return(as.call(list(quote(lapply), plain(e[[2]]), plain(e[[3]]))))
  if (name == "furrr::future_map_dbl") return(as.call(list(quote(vapply), plain(e[[2]]), plain(e[[3]]), 0)))
  as.call(lapply(as.list(e), plain))
}
work <- NULL
for (e in parse(commandArgs(TRUE)[[1]], keep.source = FALSE)) {
  name <- if (is.call(e)) paste(deparse(e[[1]]), collapse = "") else ""
  if (name == "source") next
  if (name == "both_ways") work <- eval(plain(e[[3]])) else eval(e)
}
if (is.null(work) || any(grepl("future", deparse(work)))) stop("no work of this form in the example")
set.seed(20260203)
cat(system.time(work())[["elapsed"]], "\n")
