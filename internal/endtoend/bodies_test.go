package endtoend

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/sqsbatch"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// envBodies is how many bad bodies TestNoBodyHurtsAConsumer sends, with a tenth as many good ones.
// `make bodies` sets it to 100,000.
const envBodies = "STARBURST_BODIES"

func TestNoBodyHurtsAConsumer(t *testing.T) {
	t.Parallel()
	n, limit := 2000, 2*time.Minute
	if text := os.Getenv(envBodies); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 10 {
			t.Fatalf("%s is %q, want a number of bodies from 10 on", envBodies, text)
		}
		limit += time.Duration(n) * 20 * time.Millisecond
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d bad bodies, seed %d", n, seed)
	began := time.Now()
	// A good message delivered a second time would still be recorded, and a bad one costs three deliveries.
	w := newWorld(t, stack.Options{MaxReceives: 2, Visibility: time.Minute})
	w.work(t, 2, consumer.Registry{"double": double}, func(c *consumer.Config) {
		c.Slots, c.BadBackoff, c.Unknown = 2, time.Second, time.Second
	})

	g := newBodyMaker(t, rand.New(rand.NewPCG(seed, 1)))
	bad, wantReasons := map[string]string{}, map[string]int{}
	var bodies []string
	for len(bad) < n {
		if body, reason := g.bad(); bad[body] == "" { // bodies are told apart by their text below
			bad[body] = reason
			wantReasons[reason]++
			bodies = append(bodies, body)
		}
	}
	loose := map[string]int{} // the argument of each good task without a job, by its id
	for i := range n / 20 {
		id := fmt.Sprint("good-", i)
		loose[id] = i
		bodies = append(bodies, g.good(id, i))
	}
	g.rnd.Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })
	w.send(t, bodies[:len(bodies)/2])
	job := w.submit(t, producer.Spec{Handler: "double", Chunk: 1}, n/20)
	w.send(t, bodies[len(bodies)/2:])
	t.Logf("%d messages sent after %v", len(bodies)+n/20, time.Since(began).Round(time.Millisecond))

	await(t, "every bad body is in the dead-letter queue and the queue is empty", limit, func() bool {
		return w.depth(t, w.DLQURL) >= n && w.depth(t, w.QueueURL) == 0
	})
	t.Logf("all settled or dead after %v", time.Since(began).Round(time.Millisecond))
	w.checkGood(t, job, loose)
	w.checkBad(t, bad, wantReasons, began)
	t.Logf("checked after %v; reasons %v", time.Since(began).Round(time.Millisecond), wantReasons)
}

// send puts the bodies on the queue.
func (w *world) send(t *testing.T, bodies []string) {
	t.Helper()
	entries := make([]sqsbatch.Entry, len(bodies))
	for i, b := range bodies {
		entries[i] = sqsbatch.Entry{Body: b}
	}
	for i, err := range sqsbatch.SendAll(t.Context(), w.clients.SQS, w.QueueURL, entries) {
		if err != nil {
			t.Fatalf("send %.200q: %v", bodies[i], err)
		}
	}
}

// checkGood looks whether every good task has its own result, and nothing else has one.
func (w *world) checkGood(t *testing.T, job store.Job, loose map[string]int) {
	t.Helper()
	for _, s := range w.follow(t, job) {
		var got int
		if s.Failure != nil || codec.Unmarshal(s.Value, &got) != nil || got != 2*s.Index {
			t.Errorf("task %d: %v, %+v", s.Index, got, s.Failure)
		}
	}
	if count, err := w.store.Recount(t.Context(), job); err != nil || count.OK != job.N || count.Failed != 0 {
		t.Errorf("recount %+v, %v; want %d ok", count, err, job.N)
	}
	for id, n := range loose {
		res, found, err := w.store.LooseResult(t.Context(), id, "0")
		var got int
		if err != nil || !found || len(res.Settled) != 1 || res.Settled[0].Failure != nil || codec.Unmarshal(res.Settled[0].Value, &got) != nil || got != 2*n {
			t.Errorf("task %s: %+v, found %v, %v; want %d", id, res.Settled, found, err, 2*n)
		}
	}
	items := 0
	scan := dynamodb.NewScanPaginator(w.clients.DB, &dynamodb.ScanInput{
		TableName: aws.String(w.Table), FilterExpression: aws.String("begins_with(pk, :r)"), ProjectionExpression: aws.String("pk"),
		ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{":r": &dynamotypes.AttributeValueMemberS{Value: "R#"}},
	})
	for scan.HasMorePages() {
		page, err := scan.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		items += len(page.Items)
	}
	if want := job.N + len(loose); items != want {
		t.Errorf("%d result items, want %d, one a good message", items, want)
	}
}

// checkBad looks whether every bad body, and nothing else, is in the dead-letter queue with its reason on record.
func (w *world) checkBad(t *testing.T, bad map[string]string, wantReasons map[string]int, began time.Time) {
	t.Helper()
	records, reasons := map[string]store.BadMessage{}, map[string]int{}
	for day := began.UTC().Truncate(24 * time.Hour); day.Before(time.Now()); day = day.Add(24 * time.Hour) {
		for b, err := range w.store.Bad(t.Context(), day) {
			if err != nil {
				t.Fatal(err)
			}
			records[b.MessageID] = b
			reasons[b.Reason]++
		}
	}
	if diff := cmp.Diff(wantReasons, reasons); diff != "" {
		t.Errorf("recorded reasons (-want +got):\n%s", diff)
	}
	left := maps.Clone(bad)
	for len(left) > 0 {
		out, err := w.clients.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &w.DLQURL, MaxNumberOfMessages: 10, VisibilityTimeout: 3600, WaitTimeSeconds: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			body, record := aws.ToString(m.Body), records[aws.ToString(m.MessageId)]
			want, sent := left[body]
			if !sent || record.Reason != want || record.Detail == "" {
				t.Errorf("dead: %.200q (sent as bad and not seen yet: %v), recorded as %+v, want reason %q", body, sent, record, want)
			}
			delete(left, body)
		}
	}
	if len(left) > 0 || len(records) != len(bad) {
		t.Errorf("%d of %d bad bodies are not in the dead-letter queue; %d records", len(left), len(bad), len(records))
	}
}

// bodyMaker makes bodies from a seed.
type bodyMaker struct {
	t       *testing.T
	rnd     *rand.Rand
	vectors []string // the refused ones
	next    int
}

func newBodyMaker(t *testing.T, rnd *rand.Rand) *bodyMaker {
	t.Helper()
	all, err := codec.Vectors()
	if err != nil {
		t.Fatal(err)
	}
	g := &bodyMaker{t: t, rnd: rnd}
	for _, v := range all {
		if v.Reason != "" && v.Repeat == nil {
			g.vectors = append(g.vectors, v.Body)
		}
	}
	return g
}

// good is the body of the task "double n" with an id, in one of the forms.
func (g *bodyMaker) good(id string, n int) string {
	arg, err := codec.Marshal(n)
	if err != nil {
		g.t.Fatal(err)
	}
	raw, err := codec.AppendMessage(nil, &codec.Message{Handler: "double", ID: id, Args: []msgpack.RawMessage{arg}})
	if err != nil {
		g.t.Fatal(err)
	}
	form := []codec.BodyFormat{codec.Plain, codec.Zstd, codec.JSON}[g.rnd.IntN(3)]
	body, err := codec.EncodeBodyAs(form, raw)
	if err != nil {
		g.t.Fatal(err)
	}
	return body
}

// bad makes a body that must end in the dead-letter queue, and the reason that must be on record.
func (g *bodyMaker) bad() (body, reason string) {
	for {
		body = g.candidate()
		if !sendable(body) {
			continue
		}
		m, err := codec.Decode(body)
		bm, _ := err.(*codec.BadMessageError) //nolint:errorlint // Decode documents it
		switch {
		case bm != nil:
			return body, string(bm.Reason)
		case m.Job != "":
			return body, "unknown job"
		case m.Handler != "double":
			return body, "unknown handler"
		case m.Offload != nil:
			return body, "offload"
		}
		// A mutation that is a good message still.
	}
}

func (g *bodyMaker) candidate() string {
	g.next++
	if g.next <= len(g.vectors) {
		return g.vectors[g.next-1]
	}
	good := g.good(fmt.Sprint("mutant-", g.next), g.rnd.IntN(1000))
	switch g.rnd.IntN(9) {
	case 0: // text
		text := make([]rune, 1+g.rnd.IntN(60))
		for i := range text {
			text[i] = rune(g.rnd.IntN(0x300))
		}
		return string(text)
	case 1: // bytes
		return base64.StdEncoding.EncodeToString(g.bytes(1 + g.rnd.IntN(80)))
	case 2: // a message whose one argument is rubbish
		return base64.StdEncoding.EncodeToString(append([]byte("\x82\xa1f\xa6double\xa1t\x91"), g.msgpack()...))
	case 3: // a map of rubbish
		return base64.StdEncoding.EncodeToString(append([]byte{0x82, 0xa1, 'f', 0xa1, 'x'}, g.msgpack()...))
	case 4: // a refused vector, changed
		return string(g.mutate([]byte(g.vectors[g.rnd.IntN(len(g.vectors))])))
	case 5: // a good body, its text changed
		return string(g.mutate([]byte(good)))
	case 6: // a good zstd frame, its bytes changed
		raw, err := codec.DecodeBody(good)
		if err != nil {
			g.t.Fatal(err)
		}
		body, err := codec.EncodeBodyAs(codec.Zstd, raw)
		if err != nil {
			g.t.Fatal(err)
		}
		frame, err := base64.StdEncoding.DecodeString(body[len("z1."):])
		if err != nil {
			g.t.Fatal(err)
		}
		return "z1." + base64.StdEncoding.EncodeToString(g.mutate(frame))
	case 7: // well-formed, and nothing that a worker may do
		return fmt.Sprintf(g.pick(
			`{"f":"nobody","t":[%d]}`, `{"f":"double","j":"nojob","t":[%d]}`, `{"f":"double","j":"nojob","q":%d,"t":[1,2]}`,
			`{"f":"double","s3":"in//%d","sha":"`+sha+`","len":1,"n":1}`, `{"f":"double","s3":"out/job/%d/token","sha":"`+sha+`","len":1,"n":1}`,
		), g.next)
	default: // a good message, its msgpack changed
		raw, err := codec.DecodeBody(good)
		if err != nil {
			g.t.Fatal(err)
		}
		return codec.EncodeBody(g.mutate(raw))
	}
}

// sha is a hash of nothing that is there.
const sha = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"

func (g *bodyMaker) pick(of ...string) string { return of[g.rnd.IntN(len(of))] }

func (g *bodyMaker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.rnd.Uint32())
	}
	return b
}

// msgpack strings together format bytes, short lengths and huge ones.
func (g *bodyMaker) msgpack() []byte {
	var b []byte
	for range 1 + g.rnd.IntN(30) {
		b = append(b, byte(0x80+g.rnd.IntN(0x60)))
		if g.rnd.IntN(4) == 0 {
			b = append(b, [][]byte{{0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff}, {0, 1}, {1}, {0, 0, 0, 2}}[g.rnd.IntN(5)]...)
		}
	}
	return b
}

// mutate changes one to four places: a bit, a byte, a piece gone, doubled, cut off or moved.
func (g *bodyMaker) mutate(b []byte) []byte {
	b = append([]byte(nil), b...)
	for range 1 + g.rnd.IntN(4) {
		if len(b) == 0 {
			return b
		}
		i := g.rnd.IntN(len(b))
		j := i + g.rnd.IntN(len(b)-i)
		switch g.rnd.IntN(6) {
		case 0:
			b[i] ^= 1 << g.rnd.IntN(8)
		case 1:
			b[i] = byte(g.rnd.Uint32())
		case 2:
			b = append(b[:i:i], b[j:]...)
		case 3:
			b = append(b[:j:j], b[i:]...)
		case 4:
			b = b[:i]
		case 5:
			b = append(b[:i:i], append(g.bytes(1+g.rnd.IntN(4)), b[i:]...)...)
		}
	}
	return b
}

// sendable reports whether SQS takes the text: 1 byte to 1 MiB of the characters
// that its API reference allows (SendMessage, MessageBody).
func sendable(body string) bool {
	for _, r := range body {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= ' ' && r <= 0xd7ff, r >= 0xe000 && r < 0xfffd, r >= 0x10000:
		default:
			return false // U+FFFD, too: it may stand for a byte that is no UTF-8
		}
	}
	return body != "" && len(body) <= codec.MaxBody
}
