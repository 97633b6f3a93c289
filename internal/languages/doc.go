// Package languages holds the test of the clients in other languages: those of
// examples/enqueue, and the helpers' own tests, clients/*/test.sh. `make
// test-languages` installs what they need and runs it; without that it is skipped.
//
// Each runs against `starburst dev`, and against ElasticMQ with DynamoDB Local,
// whose tasks a `starburst worker` process runs. The clients know nothing of each
// other and enqueue the same five tasks, so that one table of results judges all.
package languages
