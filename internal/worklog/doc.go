// Package worklog reads what workers have written to their logs: files of the local endpoint ([Files]), or CloudWatch
// Logs ([CloudWatch]).
//
//	src := worklog.Files{Dir: dir}
//	for line, err := range worklog.Follow(ctx, src, query, time.Second) { … }
//
// A line may be slog's text, slog's JSON, or anything that a program printed; [Parse] takes out its time, level, job and task where
// they are said. What follows a line without saying a time of its own (a stack trace) has the time of the line before it.
package worklog
