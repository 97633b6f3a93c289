// Package codec is Starburst's wire format: what one SQS message looks like and
// how arguments and results are coded.
package codec
