package main

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/stack"
)

func TestResultsOfTasksThatWerePutStraightOntoTheQueue(t *testing.T) {
	startDev(t, "sh", "-c", "[ {} != 2 ] || exit 65; echo got {}")
	s, err := laptop.Find(t.Context(), laptop.DevState)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := stack.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if none := starburst(t.Context(), "", "results", "--id", "mine"); none.code != exit.Pending || !strings.Contains(none.stderr, "mine") {
		t.Errorf("before they are sent: %+v", none)
	}
	body := `{"f":"exec","id":"mine","t":[1,2,"three"]}`
	if _, err := clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &s.QueueURL, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
	got := starburst(t.Context(), "", "results", "--id", "mine", "--wait", "-o", "csv")
	if want := "index,ok,result,error\n0,true,got 1,\n1,false,,exit status 65\n2,true,got three,\n"; got.code != exit.TasksFail || got.stdout != want {
		t.Errorf("results: %+v; want exit 3 and %q", got, want)
	}
	if failed := starburst(t.Context(), "", "results", "--id", "mine", "--failed", "-o", "csv"); strings.Count(failed.stdout, "\n") != 2 {
		t.Errorf("failed results: %+v", failed)
	}
	rubbish := "rubbish!"
	sent, err := clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &s.QueueURL, MessageBody: &rubbish})
	if err != nil {
		t.Fatal(err)
	}
	if got := starburst(t.Context(), "", "results", "--id", *sent.MessageId, "--wait"); got.code != exit.Failed || !strings.Contains(got.stderr, "refused: base64") {
		t.Errorf("results of a message that nobody understands: %+v", got)
	}
	if got := starburst(t.Context(), "", "dlq", "ls"); got.code != exit.OK || !strings.Contains(got.stderr, *sent.MessageId) {
		t.Errorf("dlq ls while it is still tried: %+v", got)
	}
	if both := starburst(t.Context(), "", "results", "--id", "mine", "j1"); both.code != exit.Usage {
		t.Errorf("an id and a job: %+v", both)
	}
}
