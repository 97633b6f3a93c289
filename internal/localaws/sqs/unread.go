package sqs

import "context"

// Conn is the connection that a request came on, as far as a receive wants to
// know: whether its answer was read.
type Conn interface {
	// OnUnread has undo called, once, when the connection is reset before the
	// client sends something else on it. It replaces an earlier undo.
	OnUnread(undo func())
}

type connKey struct{}

// WithConn returns a context for requests on c. A receive under such a context
// makes its messages available again when c says that nobody has read them: the
// client was killed, gave up waiting in the moment of the answer, or lost the
// connection. (The last happens with aws-sdk-go-v2: smithy-go 1.28 closes a
// request's body as soon as there is a response, and when the transport has not
// yet asked that body for more, it takes the answer, io.EOF from WriteTo, for an
// error, and cuts the connection under the response. Only a server in the same
// machine is that quick.) SQS itself lets the visibility timeout pass.
func WithConn(ctx context.Context, c Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// claim names a receive of a message.
type claim struct {
	id       int64
	receives uint32
}

// watch gives messages back if their receiver does not read the answer.
func (s *Service) watch(ctx context.Context, q *queue, messages []message) {
	c, ok := ctx.Value(connKey{}).(Conn)
	if !ok || len(messages) == 0 {
		return
	}
	claims := claimsOf(messages)
	c.OnUnread(func() { s.giveBack(q, claims) })
}

func claimsOf(messages []message) []claim {
	claims := make([]claim, len(messages))
	for i := range messages {
		claims[i] = claim{messages[i].id, messages[i].receives}
	}
	return claims
}

// giveBack makes messages available again that could not be delivered.
func (s *Service) giveBack(q *queue, claims []claim) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := now()
	for _, c := range claims {
		if m := q.messages[c.id]; m != nil && m.state == inFlight && m.receives == c.receives {
			q.hide(m, at, at)
		}
	}
	s.flush(q)
	q.wake()
}
