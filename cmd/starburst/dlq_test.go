package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

func TestDLQOfAQuietStack(t *testing.T) {
	startDev(t, "echo")
	if got := starburst(t.Context(), "", "dlq", "ls"); got.code != exit.OK || !strings.Contains(got.stderr, "is empty") {
		t.Errorf("ls: %+v", got)
	}
	if lines := items[deadLine](t, "starburst.dead-letters/v1", starburst(t.Context(), "", "dlq", "ls", "-o", "json").stdout); len(lines) != 0 {
		t.Errorf("ls -o json: %v", lines)
	}
	for _, c := range []struct {
		code exit.Code
		args []string
	}{
		{exit.Usage, []string{"dlq", "ls", "-o", "xml"}},
		{exit.NotFound, []string{"dlq", "show", "nosuch"}},
		{exit.Usage, []string{"dlq", "show"}},
		{exit.Usage, []string{"dlq", "purge"}},
		{exit.Usage, []string{"dlq", "nosuch"}},
		{exit.Usage, []string{"dlq", "ls", "x"}},
		{exit.Usage, []string{"dlq", "redrive", "--rate", "-1"}},
		{exit.Usage, []string{"dlq", "redrive", "--rate", "fast"}},
		{exit.OK, []string{"dlq"}},
		{exit.OK, []string{"dlq", "purge", "--yes"}},
		{exit.OK, []string{"dlq", "redrive", "--rate", "100"}},
	} {
		if got := starburst(t.Context(), "", c.args...); got.code != c.code {
			t.Errorf("%v: exit %d, want %d: %s", c.args, got.code, c.code, got.stderr)
		}
	}
}

func TestDeadMessagesFromTheCommandLine(t *testing.T) {
	startDev(t, "echo")
	s, err := laptop.Find(t.Context(), laptop.DevState)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := stack.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	send := func(body string) string {
		out, err := clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &s.DLQURL, MessageBody: &body})
		if err != nil {
			t.Fatal(err)
		}
		return *out.MessageId
	}
	good := send(`{"f":"exec","id":"late","t":["x"]}`)
	rubbish := send("rubbish!")
	record := store.BadMessage{MessageID: rubbish, Sent: time.Now(), Seen: time.Now(), Reason: "base64", Detail: "not an alphabet we know"}
	if err := s.Store(clients).PutBad(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	for range 2 { // looking takes nothing away
		got := starburst(t.Context(), "", "dlq", "ls")
		if got.code != exit.OK || !regexp.MustCompile(rubbish+` +\d+s +base64 +not an alphabet we know`).MatchString(got.stdout) ||
			!regexp.MustCompile(good+` +\d+s +not recorded +- +exec`).MatchString(got.stdout) {
			t.Errorf("ls: %+v", got)
		}
	}
	if got := starburst(t.Context(), "", "dlq", "show", good); got.code != exit.OK || !strings.Contains(got.stdout, `"f": "exec"`) {
		t.Errorf("show: %+v", got)
	}
	if got := starburst(t.Context(), "", "dlq", "show", rubbish); got.code != exit.OK || !strings.Contains(got.stdout, `"body": "rubbish!"`) || !strings.Contains(got.stdout, `"reason": "base64"`) {
		t.Errorf("show: %+v", got)
	}
	if got := starburst(t.Context(), "", "dlq", "purge"); got.code != exit.Usage || !strings.Contains(got.stderr, "about 2 messages") {
		t.Errorf("purge without --yes: %+v", got)
	}
	if got := starburst(t.Context(), "", "dlq", "redrive"); got.code != exit.OK || !strings.Contains(got.stdout, "2 messages moved back") {
		t.Errorf("redrive: %+v", got)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) { // a worker is another process
		_, found, err := s.Store(clients).LooseResult(t.Context(), "late", "0")
		if err != nil || time.Now().After(end) {
			t.Fatalf("the task that was moved back has no result: %v", err)
		}
		if found {
			return
		}
	}
}
