package httpcall_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/starburst-go/starburst/internal/httpcall"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) }))
	defer server.Close()
	client := httpcall.New(httpcall.Options{Transport: &http.Transport{}})
	defer client.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodPost, server.URL, strings.NewReader("{}"))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := client.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = answer.Body.Close() }() // in memory
	body, err := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(body), err)
	// Output: 200 {"ok":true} <nil>
}
