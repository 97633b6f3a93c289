// Package sqsbatch sends, deletes and extends any number of SQS messages with
// SQS's batch calls, and accounts for every single one of them.
//
// SQS takes at most ten entries and 1 MiB a call, and answers an HTTP 200 in
// which some entries succeeded, some failed, and (seen in the wild) some are not
// mentioned. Ignoring the last two is how task systems lose work, and sending the
// whole batch again is how they double it. So here
//
//   - the answer is one error an entry, in the order the entries were given; nil
//     means that SQS confirmed this very entry;
//   - an entry that SQS does not mention has failed;
//   - only failed entries are tried again, after a full-jitter back-off, until
//     they succeed, fail for good, or the context ends;
//   - an entry that SQS calls the sender's fault has failed for good: the same
//     bytes fail again;
//   - an entry's id inside a call is its position, so the same handle or body
//     twice in one call is no error.
//
// An entry whose call was cut off may have been carried out all the same. Sending
// is therefore "at least once or reported": whoever sends gives each message an
// identity of its own.
//
// [SendAll], [DeleteAll] and [ChangeVisibilityAll] use the zero [Policy]; a caller
// that wants other limits calls the methods of a Policy.
package sqsbatch
