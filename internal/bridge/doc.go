// Package bridge lets a program in a language without an AWS SDK, such as R, use
// an open stack over one connection: it sends single tasks as they come up and is
// sent their outcomes as they come in.
//
//	conn, err := bridge.Accept(ctx, listener, token)
//	err = bridge.Serve(ctx, conn, bridge.Config{Session: s, Handler: "starburst.r", Workers: 10})
//
// # Frames
//
// Both directions carry frames: four bytes of length, big-endian, and one msgpack map.
// The caller's first frame holds the token ({token}, see Accept); then:
//
//	{op: "put", id, tasks: [bin, …]}        run tasks; the first has this id, the others the next ones
//	{op: "cancel", ids: [id, …]}            they are not wanted any more
//	{op: "ask", id, what, …}                a question, see ask.go; answered by {t: "answer", id, …}
//	{op: "bye"}                             end; the end of the connection says the same
//
// The bridge says {t: "ready", …} once, and then, as it happens,
//
//	{t: "out", o: [[id, true, value], [id, false, kind, message, stack, attempts], …]}
//	{t: "note", text}
//
// Arguments and values are msgpack inside bin. Every task that was put gets exactly one outcome.
//
// # Jobs
//
// Tasks become jobs as the fleet can take them: at once while workers are idle, in
// company when they are busy, so that ten thousand tiny tasks that come one by one
// cost little more than a job of ten thousand (gather.go). Which tasks share a job is
// nobody's business but the bridge's. What is left when the caller goes is cancelled.
//
// A caller that wants its work to outlive it asks for jobs of its own ("submit").
package bridge
