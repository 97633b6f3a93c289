package attr_test

import (
	"fmt"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

func ExampleParseItem() {
	it, err := attr.ParseItem(`{"pk": {"S": "p"}, "n": {"N": "01.50"}, "tags": {"SS": ["b", "a"]}}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(it.Get("n").Text, it.Size())
	fmt.Println(string(attr.AppendItem(nil, it)))

	_, err = attr.ParseItem(`{"pk": {"N": "one"}}`)
	fmt.Println(err)
	// Output:
	// 1.5 12
	// {"n":{"N":"1.5"},"pk":{"S":"p"},"tags":{"SS":["a","b"]}}
	// The parameter cannot be converted to a numeric value: one
}

func ExampleDecimal() {
	a, _ := attr.ParseDecimal("0.1")
	b, _ := attr.ParseDecimal("0.2")
	sum, _ := a.Add(b)
	fmt.Println(sum)
	// Output: 0.3
}
