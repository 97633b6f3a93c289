package sqs

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzOperations sends any document to any operation: an answer is JSON, and no
// fault of the server.
func FuzzOperations(f *testing.F) {
	s, _ := open(f, f.TempDir())
	url := "http://127.0.0.1:1/000000000000/jobs"
	c := caller{f, s}
	c.create("jobs", nil)
	c.create("jobs.fifo", map[string]string{"FifoQueue": "true"})
	for operation := range s.operations() {
		f.Add(operation, `{"QueueUrl":"`+url+`"}`)
	}
	f.Add("SendMessage", `{"QueueUrl":"`+url+`","MessageBody":"x","MessageAttributes":{"a":{"DataType":"Number","StringValue":"1"}}}`)
	f.Add("SendMessageBatch", `{"QueueUrl":"`+url+`.fifo","Entries":[{"Id":"a","MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"d"}]}`)
	f.Add("ReceiveMessage", `{"QueueUrl":"`+url+`","MaxNumberOfMessages":10,"AttributeNames":["All"],"MessageAttributeNames":["a.*"]}`)
	f.Add("CreateQueue", `{"QueueName":"a","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:jobs\",\"maxReceiveCount\":1e3}"}}`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		if strings.Contains(body, "WaitTimeSeconds") || strings.Contains(strings.ToLower(body), "wait") {
			t.Skip("would only wait")
		}
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:1/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", TargetPrefix+operation)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q: status %d, %q", operation, body, w.Code, w.Body)
		}
	})
}

func FuzzReceipt(f *testing.F) {
	f.Add(string(receipt{1, 2, 3}.appendTo(nil)))
	f.Add("bogus")
	f.Fuzz(func(t *testing.T, handle string) {
		r, ok := parseReceipt(handle)
		if ok && string(r.appendTo(nil)) != handle {
			t.Errorf("%q is not the handle of %+v", handle, r)
		}
	})
}

func FuzzIsBodyText(f *testing.F) {
	for _, s := range []string{"a\tb\r\n", "\x00", "\uFFFD", "\uFFFE", "\uFFFF", "\uD7FF\uE000", "\U00010000\U0010FFFF", "\x7f", "ï¿"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		want := true
		for _, r := range s {
			want = want && (r == 9 || r == 10 || r == 13 || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000)
		}
		if got := isBodyText(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
		if strings.ContainsRune(s, 0) && want {
			t.Error("a NUL was allowed")
		}
	})
}
