// Package prices finds the price book that is in force: the one that this build
// carries, under the newer prices that `starburst prices refresh` has brought into the
// user's cache, under the user's own discounts.
//
//	book, notes, err := prices.Open(prices.FromEnv("eu-west-1"))
//
// A refresh reads the bulk files of the AWS Price List API, which need no credentials:
//
//	report, err := prices.Refresh(ctx, prices.RefreshConfig{Region: "eu-west-1", CacheDir: dir})
//
// What comes from the network or from a file is bounded, checked line by line, and
// refused when a price is not of the order of the one it replaces.
package prices
