// Package httpcall is an HTTP/1.1 client for many short calls to one server, as the SDK's calls to SQS and DynamoDB
// are: a small body out, a small answer back.
//
//	c := httpcall.New(httpcall.Options{Transport: transport, HeaderTimeout: 10 * time.Second})
//	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.HTTPClient = c })
//
// The calling goroutine itself writes the request, reads the whole answer and gives the connection back. net/http has
// two goroutines for each connection, and a call there is handed from one to the next four times; with a task a message that
// was a fifth of a worker's CPU time. Requests and answers are still written and parsed by net/http.
// What the client cannot do as well (a proxy, a large or unknown length) it leaves to net/http's own transport.
package httpcall
