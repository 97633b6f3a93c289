package bridge

import "github.com/starburst-go/starburst/store"

// failCancelled and failSend are kinds of failures beside the store's.
const (
	failCancelled store.FailureKind = "cancelled"
	failSend      store.FailureKind = "send"
)

// outcome is what became of one task.
type outcome struct {
	id      int64
	value   []byte
	failure *store.Failure
}

func (o outcome) wire() []any {
	if f := o.failure; f != nil {
		return []any{o.id, false, string(f.Kind), f.Message, f.Stack, f.Attempts}
	}
	return []any{o.id, true, o.value}
}

func failed(id int64, kind store.FailureKind, message string) outcome {
	return outcome{id: id, failure: &store.Failure{Kind: kind, Message: message}}
}
