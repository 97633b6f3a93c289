// Package endtoend holds the tests of the whole path: producer, queue, workers,
// table, results. By default they run against the embedded endpoint; with
// AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB set they run against the
// servers found there, with S3 and ECS still from the embedded one.
package endtoend
