# What a fleet is asked to be: checked before anything is started.

# Fargate's sizes: GB of memory that go with each number of vCPUs (ECS task size reference).
FARGATE_MEMORY <- list("0.25" = c(0.5, 1, 2), "0.5" = 1:4, "1" = 2:8, "2" = 4:16, "4" = 8:30, "8" = seq(16, 60, 4), "16" = seq(32, 120, 8))

refuse <- function(...) stop(structure(class = c("starburst_error", "error", "condition"), list(message = paste0(...), call = NULL)))

# The arguments of plan(starburst, …) and of everything that has its own fleet, as a checked list.
fleet_config <- function(workers = 10, cpu = NULL, memory = NULL, launch_type = "FARGATE", spot = FALSE, timeout = NULL,
                         max_cost = NULL, packages = character(), attempts = 3, label = "R") {
  if (is.function(workers)) workers <- workers()
  list(
    workers = whole(workers, "workers", 1, 10000),
    size = fargate_size(cpu, memory),
    launch_type = check_launch_type(launch_type),
    spot = flag(spot, "spot"),
    timeout = seconds(timeout, "timeout", 42300),
    max_cost = dollars(max_cost),
    packages = check_packages(packages),
    attempts = whole(attempts, "attempts", 1, 100),
    label = as.character(label)
  )
}

whole <- function(x, name, from, to) {
  if (!is.numeric(x) || length(x) != 1L || is.na(x) || x != round(x) || x < from || x > to) {
    refuse(sprintf("%s must be a whole number from %d to %d, not %s", name, from, to, deparse1(x)))
  }
  as.integer(x)
}

flag <- function(x, name) {
  if (!is.logical(x) || length(x) != 1L || is.na(x)) refuse(sprintf("%s must be TRUE or FALSE, not %s", name, deparse1(x)))
  x
}

# Seconds above zero; NULL and Inf mean no limit. The largest comes from SQS: a message is hidden for at most 12 hours.
seconds <- function(x, name, most) {
  if (is.null(x) || identical(x, Inf)) return(NULL)
  if (inherits(x, "difftime")) x <- as.numeric(x, units = "secs")
  if (!is.numeric(x) || length(x) != 1L || is.na(x) || x <= 0 || x > most) {
    refuse(sprintf("%s must be a number of seconds above 0, up to %d, not %s", name, most, deparse1(x)))
  }
  x
}

dollars <- function(x) {
  if (is.null(x)) return(NULL)
  if (!is.numeric(x) || length(x) != 1L || is.na(x) || x <= 0) refuse(sprintf("max_cost must be an amount of dollars above 0, not %s", deparse1(x)))
  format(x, scientific = FALSE, digits = 15)
}

check_launch_type <- function(x) {
  if (identical(toupper(x), "FARGATE")) return("FARGATE")
  if (identical(toupper(x), "EC2")) {
    refuse("launch_type = \"EC2\" is not offered: an instance is billed by the whole machine, needs minutes to start, and stays until somebody ",
           "thinks of it. Workers are Fargate tasks, billed by the second, that go to zero by themselves. Use launch_type = \"FARGATE\" with cpu and memory")
  }
  refuse("launch_type must be \"FARGATE\", not ", deparse1(x))
}

# cpu in vCPUs, memory in GB, or as "8GB" or "512MB"; list() when neither is given.
fargate_size <- function(cpu, memory) {
  if (is.null(cpu) && is.null(memory)) return(list())
  if (is.null(cpu)) cpu <- 1
  steps <- FARGATE_MEMORY[[as.character(cpu)]]
  if (is.null(steps)) refuse(sprintf("cpu must be one of %s, not %s", paste(names(FARGATE_MEMORY), collapse = ", "), deparse1(cpu)))
  gb <- if (is.null(memory)) steps[[1L]] else gigabytes(memory)
  if (!any(abs(steps - gb) < 1e-9)) {
    refuse(sprintf("Fargate has no worker with %s vCPU and %s GB; with that cpu, memory can be: %s GB", cpu, format(gb), paste(steps, collapse = ", ")))
  }
  list(cpu = as.numeric(cpu), memory = as.numeric(gb))
}

gigabytes <- function(x) {
  if (is.numeric(x) && length(x) == 1L && !is.na(x)) return(x)
  m <- if (is.character(x) && length(x) == 1L) regmatches(x, regexec("^ *([0-9.]+) *(GB|MB) *$", x, ignore.case = TRUE))[[1L]] else character()
  if (length(m) != 3L || is.na(suppressWarnings(as.numeric(m[[2L]])))) refuse("memory must be a number of GB, or a text such as \"8GB\" or \"512MB\", not ", deparse1(x))
  as.numeric(m[[2L]]) / if (toupper(m[[3L]]) == "MB") 1024 else 1
}

check_packages <- function(x) {
  if (is.null(x)) return(character())
  if (!is.character(x) || anyNA(x) || any(!nzchar(x))) refuse("packages must be the names of packages, not ", deparse1(x))
  unique(x)
}
