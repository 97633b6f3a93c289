# The starburst program, which this package talks to everything through.

#' Find the starburst program
#'
#' The package has no AWS library of its own: it works through the `starburst` program. That is looked for in
#' `options(starburst.binary = )`, in the environment variable `STARBURST_BIN`, and on the `PATH`, in this order.
#' @return its path; an error that says what to do when there is none.
#' @export
starburst_binary <- function() {
  for (path in c(getOption("starburst.binary", ""), Sys.getenv("STARBURST_BIN"), Sys.which("starburst"))) {
    if (!nzchar(path)) next
    if (file.access(path, 1L) != 0L) refuse(path, " is not a program that can be run; it should be the starburst program")
    return(normalizePath(path))
  }
  refuse("the starburst program is not on the PATH: install it, or say where it is by options(starburst.binary = \"/path/to/starburst\") or STARBURST_BIN")
}

# Runs a command of the program to its end: standard output, as text; an error with what it said on standard error.
cli <- function(args, ok = 0L) {
  err <- tempfile("starburst-err-")
  on.exit(unlink(err))
  out <- suppressWarnings(system2(starburst_binary(), shQuote(args), stdout = TRUE, stderr = err))
  status <- attr(out, "status")
  if (is.null(status)) status <- 0L
  if (!status %in% ok) {
    said <- sub("^error: ", "", readLines(err, warn = FALSE))
    refuse(paste(said[nzchar(said)], collapse = "\n"))
  }
  paste(out, collapse = "\n")
}

cli_json <- function(args, ...) jsonlite::fromJSON(cli(args, ...), simplifyVector = FALSE)

# TRUE when the environment names a stack, on AWS or elsewhere; else work is done on this machine.
has_stack <- function() nzchar(Sys.getenv("STARBURST_QUEUE_URL"))
