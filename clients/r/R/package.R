#' starburst: burst parallel work from a laptop to the cloud
#'
#' Start with `plan(starburst, workers = 10)` ([starburst()]) for everything built on futures, [starburst_map()] for a map without, and
#' [starburst_session()] for work that goes on when R has gone. The workers' side is [sb_worker()].
#' @name starburst-package
#' @keywords internal
#' @importFrom future run resolved result nbrOfWorkers nbrOfFreeWorkers
NULL
