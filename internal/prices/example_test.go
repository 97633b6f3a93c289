package prices_test

import (
	"fmt"

	"github.com/starburst-go/starburst/internal/prices"
)

// Without a cache and without prices of one's own it is the book that the build carries.
func ExampleOpen() {
	book, _, err := prices.Open(prices.Config{Region: "eu-west-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	line, err := book.Line("fargate.arm.vcpu")
	fmt.Println(line.Price, "per", line.Unit, "of", line.Date, err)
	// Output: 0.03238 per vCPU-hour of 2026-09-28 <nil>
}
