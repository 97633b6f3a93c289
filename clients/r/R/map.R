#' Map a function over a list, in parallel
#'
#' Like [lapply()], on a fleet: `.f` is called with each element of `.x` and the results come back in order. Small calls are
#' packed together, so there is nothing to chunk by hand.
#'
#' What `.f` uses is found and sent along: global variables, its own environment, and the packages its functions come from. Each element has a random
#' stream of its own, derived from R's generator: after the same [set.seed()] the results are the same, however many workers there are. Output, messages and warnings
#' of the calls are told here, in the order of the elements.
#'
#' @param .x a list or a vector.
#' @param .f a function, or a formula such as `~ .x + 1`.
#' @param ... further arguments to `.f`.
#' @param workers,cpu,memory,launch_type,spot,timeout,max_cost,attempts as for [starburst()]; `timeout` holds for a pack of calls that go together.
#' @param packages packages that the calls need, beside those that are found in the code. They are loaded when a worker starts.
#' @param .seed `TRUE`: a random stream for each element; a number: the same after `set.seed()` of it; `FALSE`: none, the fastest.
#' @param .progress whether to show progress. Default: in interactive use.
#' @param .on_error `"stop"`: the first error ends the map, names the element and takes back the rest. `"return"`: an element that fails has its condition as
#'   its result.
#' @return a list with the names of `.x`. An element whose result is NULL keeps its place.
#' @examples
#' \dontrun{
#' set.seed(1)
#' starburst_map(1:1000, function(i) mean(rnorm(i)), workers = 4)
#' }
#' @export
starburst_map <- function(.x, .f, ..., workers = 10, cpu = NULL, memory = NULL, launch_type = "FARGATE", spot = FALSE, timeout = NULL, max_cost = NULL,
                          packages = NULL, attempts = 3, .seed = TRUE, .progress = interactive(), .on_error = c("stop", "return")) {
  config <- fleet_config(workers, cpu, memory, launch_type, spot, timeout, max_cost, packages, attempts, label = "R")
  map_on(function() fleet_for(config), config, .x, .f, list(...), .seed, .progress, match.arg(.on_error))
}

#' A fleet for several maps
#'
#' Holds a fleet of its own, so that several maps use the same workers and count towards the same `max_cost`.
#' @inheritParams starburst_map
#' @return an object with `map(.x, .f, ...)`, which takes what [starburst_map()] does except for the fleet; `estimate_cost(seconds)`, the price of so many seconds
#'   of all its workers in dollars; and `shutdown()`, which ends the fleet and takes back what is not done.
#' @examples
#' \dontrun{
#' fleet <- starburst_cluster(workers = 4)
#' squares <- fleet$map(1:100, function(x) x^2)
#' fleet$shutdown()
#' }
#' @export
starburst_cluster <- function(workers = 10, cpu = NULL, memory = NULL, launch_type = "FARGATE", spot = FALSE, timeout = NULL, max_cost = NULL, packages = NULL, attempts = 3) {
  config <- fleet_config(workers, cpu, memory, launch_type, spot, timeout, max_cost, packages, attempts, label = "R cluster")
  fleet <- fleet_open(config)
  structure(class = "starburst_cluster", list(
    workers = config$workers,
    map = function(.x, .f, ..., .seed = TRUE, .progress = interactive(), .on_error = c("stop", "return")) {
      map_on(function() fleet, config, .x, .f, list(...), .seed, .progress, match.arg(.on_error))
    },
    estimate_cost = function(seconds) fleet_price(config, seconds),
    shutdown = function() fleet_close(fleet)))
}

#' @export
print.starburst_cluster <- function(x, ...) {
  cat(sprintf("a Starburst fleet of up to %d workers; $map(), $estimate_cost(), $shutdown()\n", x$workers))
  invisible(x)
}

map_on <- function(get_fleet, config, x, f, dots, seed, progress, on_error) {
  n <- length(x)
  if (n == 0L) return(stats_names(list(), x))
  work <- map_tasks(x, f, dots, seed, config)
  fleet <- get_fleet()
  ids <- character()
  on.exit(fleet_cancel(fleet, ids))
  bar <- if (isTRUE(progress)) utils::txtProgressBar(max = n, style = 3)
  done <- new.env(parent = emptyenv())
  for (t in work$tasks) ids <- c(ids, fleet_put(fleet, list(t)))
  got <- vector("list", n)
  left <- ids
  while (length(left) > 0L) {
    fleet_wait_any(fleet, left)
    for (id in Filter(function(id) !is.null(fleet$outcomes[[id]]), left)) {
      k <- match(id, ids)
      got[work$at[[k]]] <- map_outcome(fleet_collect(fleet, id), work$at[[k]], on_error)
      left <- setdiff(left, id)
    }
    if (!is.null(bar)) utils::setTxtProgressBar(bar, sum(lengths(work$at[!ids %in% left])))
  }
  if (!is.null(bar)) close(bar)
  for (g in got) relay(g)
  stats_names(lapply(got, function(g) if (is.null(g$error)) g$value else g$error), x)
}

stats_names <- function(out, x) {
  names(out) <- names(x)
  out
}

# Waits until at least one of the tasks is done.
fleet_wait_any <- function(fleet, ids) {
  repeat {
    for (id in ids) if (!is.null(fleet$outcomes[[id]])) return(invisible())
    next_frame(fleet, NULL, function(f) FALSE)
  }
}

# The tasks of a map: each holds what they share (the function and what it uses) and some elements.
map_tasks <- function(x, f, dots, seed, config) {
  f <- as_map_function(f)
  env <- list2env(list(FUN = f), parent = globalenv())
  gp <- future::getGlobalsAndPackages(quote(FUN()), envir = env, globals = TRUE)
  globals <- as.list(gp$globals)
  globals$FUN <- NULL
  packages <- unique(c(gp$packages, config$packages))
  common <- pack_value(list(f = f, globals = globals, dots = dots, packages = packages), "the function", c(list(.f = f), globals, dots))
  seeds <- map_seeds(length(x), seed)
  size <- max(1L, min(500L, ceiling(length(x) / (16 * config$workers))))
  at <- unname(split(seq_along(x), (seq_along(x) - 1L) %/% size))
  list(at = at, tasks = lapply(at, function(i) {
    elements <- if (is.list(x)) unname(x[i]) else lapply(i, function(k) x[[k]])
    pack_task("map", list(common = common, x = elements, seeds = seeds[i]), packages, sprintf("elements %d to %d", i[[1L]], i[[length(i)]]))
  }))
}

FORMULA_ARGS <- as.pairlist(eval(parse(text = "alist(... = , .x = ..1, .y = ..2, . = ..1)")))

as_map_function <- function(f) {
  if (inherits(f, "formula")) {
    if (length(f) != 2L) refuse(".f, a formula, must have one side: ~ .x + 1")
    return(eval(call("function", FORMULA_ARGS, f[[2L]]), environment(f)))
  }
  match.fun(f)
}

# A stream of L'Ecuyer's generator for each element, drawn from R's own generator, which moves on by one draw; NULL for none.
map_seeds <- function(n, seed) {
  if (isFALSE(seed) || is.null(seed)) return(NULL)
  if (is.numeric(seed)) set.seed(seed)
  first <- stats_runif_int()
  old <- get(".Random.seed", envir = globalenv())
  kind <- RNGkind()
  on.exit({
    do.call(RNGkind, as.list(kind))
    assign(".Random.seed", old, envir = globalenv())
  })
  set.seed(first, kind = "L'Ecuyer-CMRG", normal.kind = "Inversion", sample.kind = "Rejection")
  s <- get(".Random.seed", envir = globalenv())
  seeds <- vector("list", n)
  for (i in seq_len(n)) {
    seeds[[i]] <- s
    s <- parallel::nextRNGStream(s)
  }
  seeds
}

stats_runif_int <- function() sample.int(.Machine$integer.max, 1L)

# What came of a task's elements: one list a element (see capture), or an error that names them.
map_outcome <- function(o, at, on_error) {
  if (isTRUE(o[[2L]])) {
    got <- unpack_value(o[[3L]])
  } else {
    e <- task_error(o)
    got <- rep(list(list(error = e)), length(at))
  }
  if (on_error == "stop") {
    for (i in seq_along(got)) if (!is.null(got[[i]]$error)) stop(element_error(got[[i]], at[[i]], if (isTRUE(o[[2L]])) NULL else range(at)))
  }
  got
}

# The error of a task that no worker could run to its end.
task_error <- function(o) {
  structure(class = c("starburst_task_error", "starburst_error", "error", "condition"),
            list(message = sprintf("%s (%s)", sub("^Error: ", "", o[[4L]]), o[[3L]]), call = NULL, kind = o[[3L]], stack = o[[5L]], attempts = o[[6L]]))
}

element_error <- function(got, i, range = NULL) {
  where <- if (is.null(range) || range[[1L]] == range[[2L]]) sprintf("element %d failed", i) else sprintf("elements %d to %d have no result", range[[1L]], range[[2L]])
  structure(class = c("starburst_element_error", "starburst_error", "error", "condition"),
            list(message = sprintf("%s: %s", where, conditionMessage(got$error)), call = NULL, element = i, parent = got$error, calls = got$calls))
}
