package dynamodb

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// server starts this test binary as a server.
func server(t *testing.T, dir string) (client *endpoint, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // SIGKILL: nothing is flushed or closed
		_ = cmd.Wait()
		transport.CloseIdleConnections()
	})
	t.Cleanup(kill)
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = strings.TrimSpace(url)
	return &endpoint{Client: newClient(url, &http.Client{Transport: transport}), url: url}, kill
}

// Every write that was answered is there after kill -9 in the middle of many, and of a transaction all or nothing is.
func TestKillLosesNothingAnswered(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	e, kill := server(t, dir)
	table := e.table(t)
	const writers, enough = 16, 400

	var mu sync.Mutex
	answered := map[string]bool{}
	var reached sync.Once
	ready := make(chan struct{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 0; ; i++ {
				k := fmt.Sprintf("%d-%d", w, i)
				if err := e.write(ctx, table, k, i%4 == 3); err != nil {
					return // killed
				}
				mu.Lock()
				answered[k] = true
				if len(answered) == enough {
					reached.Do(func() { close(ready) })
				}
				mu.Unlock()
			}
		})
	}
	<-ready
	kill()
	wg.Wait()

	e, _ = server(t, dir)
	found := map[string]int{}
	pages := dynamodb.NewScanPaginator(e.Client, &dynamodb.ScanInput{TableName: &table})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range out.Items {
			found[it["pk"].(*str).Value]++
		}
	}
	for k := range answered {
		if found[k] == 0 {
			t.Errorf("%s was answered and is lost", k)
		}
	}
	for k, n := range found {
		if n == 1 && strings.HasSuffix(k, "pair") || n == 2 && !strings.HasSuffix(k, "pair") {
			t.Errorf("%d items of %s: half a transaction", n, k)
		}
	}
}

// write puts the item k, or in a transaction the items 1 and 2 of it.
func (e *endpoint) write(ctx context.Context, table, k string, transaction bool) error {
	it := func(pk, sk string) item { return item{"pk": s(pk), "sk": s(sk), "d": s(strings.Repeat("x", 300))} }
	if !transaction {
		_, err := e.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: it(k, "1"), ConditionExpression: aws.String("attribute_not_exists(pk)")})
		return err
	}
	_, err := e.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &table, Item: it(k+"pair", "1")}}, {Put: &types.Put{TableName: &table, Item: it(k+"pair", "2")}},
		{Put: &types.Put{TableName: &table, Item: it(k, "1")}}}})
	return err
}
