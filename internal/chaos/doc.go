// Package chaos has the real-socket tests of the promise that every
// acknowledged task ends in exactly one recorded result (docs/reliability.md).
//
// Worker processes are this test binary, executed again; they are killed,
// stopped, frozen and restarted, and the fault proxy of internal/faults stands between
// them and the endpoint. What is left is judged by internal/check.
//
// The default run is short. STARBURST_CHAOS=full is the tier of `make chaos`,
// STARBURST_SEED repeats a run, STARBURST_SOAK (a duration) runs the soak. With
// AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB set (scripts/servers/with-servers.sh) the
// scenarios that kill and restart workers also run against those servers.
//
// It has no code besides its tests.
package chaos
