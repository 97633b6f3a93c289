package servicequotas_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/servicequotas"
)

// An account that may have 6 vCPUs.
func Example() {
	if err := example(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: the applied value is 6: true
}

func example(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "servicequotas")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	s, err := servicequotas.New(d, servicequotas.Options{VCPU: 6})
	if err != nil {
		return err
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(`{"ServiceCode":"fargate","QuotaCode":"L-3032A538"}`))
	r.Header.Set("X-Amz-Target", servicequotas.TargetPrefix+"GetServiceQuota")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	fmt.Println("the applied value is 6:", strings.Contains(w.Body.String(), `"Value":6`))
	return d.Close()
}
