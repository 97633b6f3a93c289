package role

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/store"
)

func TestAWorkerOfECSIsBilledFromItsPull(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"TaskARN":"arn:aws:ecs:us-east-1:1:task/c/0123abcd","Limits":{"CPU":0.5,"Memory":1024},"PullStartedAt":"2026-11-24T09:00:00Z"}`)
	}))
	defer server.Close()
	t.Setenv("ECS_CONTAINER_METADATA_URI_V4", server.URL+"/v4/x")
	pulled := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	cfg := consumer.Config{Cost: store.CostSample{Launched: pulled.Add(time.Minute)}}
	if err := describe(t.Context(), &cfg); err != nil {
		t.Fatal(err)
	}
	if c := cfg.Cost; cfg.Name != "0123abcd" || c.VCPUMilli != 500 || c.MemoryMiB != 1024 || !c.Launched.Equal(pulled) || cfg.DeadMan == 0 || cfg.Guard == nil {
		t.Errorf("%s %+v; want task 0123abcd of 500 and 1024, billed since %v", cfg.Name, c, pulled)
	}
	named := consumer.Config{Name: "mine"}
	if err := describe(t.Context(), &named); err != nil || named.Name != "mine" {
		t.Errorf("%q, %v; want the name that was given", named.Name, err)
	}
	server.Close()
	if err := describe(t.Context(), &cfg); err == nil {
		t.Error("an agent that is gone is not reported")
	}
}
