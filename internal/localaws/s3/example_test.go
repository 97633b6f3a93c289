package s3_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/s3"
)

func Example() {
	dir, err := os.MkdirTemp("", "s3")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	database, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer database.Close()
	service, err := s3.New(database, filepath.Join(dir, "objects"), s3.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := func(method, path, body string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		fmt.Println(method, path, w.Code, http.StatusText(w.Code))
		if method == http.MethodGet {
			fmt.Println(w.Body)
		}
	}
	call("PUT", "/results", "")
	call("PUT", "/results/out/job1", "42")
	call("GET", "/results/out/job1", "")
	// Output:
	// PUT /results 200 OK
	// PUT /results/out/job1 200 OK
	// GET /results/out/job1 200 OK
	// 42
}
