// Package awserr classifies the errors of the AWS SDK in one place, so that
// the rest of the program asks "is this throttling?" instead of knowing how
// each service spells it.
//
// Modelled errors are matched by type (errors.As): emulators and the service
// spell the code of one and the same error differently, the type stays. Codes
// are looked at only for errors that no SDK service package models
// (throttling and access errors come from AWS's front end), through the
// smithy.APIError interface and, for throttling, the SDK's own table.
//
// The classes overlap on purpose: a throttled request is also transient.
package awserr
