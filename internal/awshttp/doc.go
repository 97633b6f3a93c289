// Package awshttp makes the AWS SDK and net/http agree about request bodies.
//
//	cfg.HTTPClient = awshttp.Whole(cfg.HTTPClient)
//
// The SDK hands net/http a body that is an io.WriterTo, closes it as soon as the
// response begins, and answers io.EOF from then on (smithy-go v1.28, transport/http/client.go
// and internal/io/safe.go). net/http does not know this type to be in memory, so it flushes
// the header first, then the body, and then asks the body for its end. A server on the same
// machine has answered by then: net/http takes the EOF for a failed write and closes the
// connection under the response. The SDK calls that a connection error and tries again, so
// that a message is sent twice, or ten received ones stay hidden until their visibility
// timeout ends. It happens about once in a thousand calls on two busy cores.
//
// Given a bytes.Reader, net/http writes header and body in one go and all is well; a
// call also costs a quarter less CPU time, in the client and the server together.
package awshttp
