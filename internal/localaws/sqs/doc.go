// Package sqs serves Amazon SQS's JSON protocol from memory and a SQLite file.
//
// A [Service] is an http.Handler for the X-Amz-Target AmazonSQS.*: standard and
// FIFO queues, long polls, visibility, delays, dead-letter queues and moving
// tasks, tags and attributes, with the limits and error codes of the API
// reference. What SQS only approximates is exact here: the counts, and the
// order in which messages become available.
//
// # How it works
//
// Each queue is an index in memory (queue.go): messages that can be received,
// in order, and messages that cannot yet (delayed or in flight), in a heap by
// the time they will. Every change is also a row:
//
//   - A send is answered after its commit, and only then can the message be
//     received. A delete leaves the index at once and is answered after its
//     commit. Nobody is told that something happened which kill -9 could undo.
//   - Receives and visibility changes are written a few milliseconds later,
//     by the next group commit. What a kill loses of them is what SQS itself
//     may do: a message is delivered once more than its count says.
//
// Bodies stay in memory while they are small and together under a budget;
// the others are read from SQLite when they are received.
//
// # What differs from SQS
//
// Queues can be created again right after they were deleted, and purged more
// than once a minute. Policies and encryption settings are stored, validated
// as JSON and not enforced. There are no throughput quotas.
package sqs
