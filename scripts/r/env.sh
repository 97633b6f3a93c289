# To be sourced at the repository's root: R and the packages are there (installed from Debian where we may), the starburst
# program is built and named by STARBURST_BIN, and the package is installed into a library of its own, R_LIBS.

if [ -z "${STARBURST_R_READY:-}" ]; then
	scripts/debian.sh r-base-core r-cran-future r-cran-future.apply r-cran-furrr r-cran-globals r-cran-jsonlite r-cran-testthat r-cran-bit64 || exit 1
	mkdir -p bin .cache/r-library
	CGO_ENABLED=0 go build -o bin/ ./cmd/starburst
	STARBURST_BIN=$PWD/bin/starburst
	R_LIBS=$PWD/.cache/r-library
	STARBURST_R_READY=1
	export STARBURST_BIN R_LIBS STARBURST_R_READY
	R CMD INSTALL --no-docs --no-test-load --library="$R_LIBS" clients/r >.cache/r-install.log 2>&1 || {
		cat .cache/r-install.log >&2
		exit 1
	}
fi
