package codec

import (
	"encoding/hex"
	"encoding/json"
)

// JSON returns the message as people read it: an object with the keys of the wire in the
// specification's order. Keys with their default value are left out, the hash
// is hexadecimal, and arguments are as MsgpackToJSON writes them. The object is
// itself a legal body, but for values that JSON lacks (NaN becomes a text).
func (m *Message) JSON() ([]byte, error) {
	v := messageView{Handler: m.Handler, Job: m.Job, First: m.First, Indices: m.Indices, Identity: m.Identity, ID: m.ID, Trace: m.Trace}
	if m.Attempt > 1 {
		v.Attempt = m.Attempt
	}
	v.Deadline = m.deadlineMS()
	if o := m.Offload; o != nil {
		v.Key, v.SHA, v.Len, v.Count = o.Key, hex.EncodeToString(o.SHA256[:]), o.Len, o.Count
		return json.Marshal(v)
	}
	v.Args = make([]json.RawMessage, len(m.Args))
	for k, raw := range m.Args {
		text, err := MsgpackToJSON(raw)
		if err != nil {
			return nil, err
		}
		v.Args[k] = text
	}
	return json.Marshal(v)
}

type messageView struct {
	Handler  string            `json:"f"`
	Job      string            `json:"j,omitempty"`
	First    int               `json:"q,omitempty"`
	Indices  []int             `json:"i,omitempty"`
	Identity Identity          `json:"m,omitempty"`
	ID       string            `json:"id,omitempty"`
	Attempt  int               `json:"a,omitempty"`
	Deadline int64             `json:"dl,omitempty"`
	Trace    string            `json:"tp,omitempty"`
	Key      string            `json:"s3,omitempty"`
	SHA      string            `json:"sha,omitempty"`
	Len      int64             `json:"len,omitempty"`
	Count    int               `json:"n,omitempty"`
	Args     []json.RawMessage `json:"t,omitempty"`
}
