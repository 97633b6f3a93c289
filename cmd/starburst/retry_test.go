package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestFailedTasksAreRunAgainAndTheLaterSuccessCounts(t *testing.T) {
	cure := filepath.Join(t.TempDir(), "cured")
	startDev(t, "sh", "-c", "case {} in *3) [ -e "+cure+" ] || exit 1;; 7) exit 2;; esac; echo r{}")
	sub := starburst(t.Context(), "", "submit", "exec", "--range", "1:40", "--chunk", "8", "--attempts", "1", "--job", "sick", "--wait", "-o", "csv")
	if sub.code != exit.TasksFail || strings.Count(sub.stdout, "false") != 5 {
		t.Fatalf("submit: %+v; want 3, 13, 23, 33 and 7 to fail", sub)
	}
	again := starburst(t.Context(), "", "retry", "sick", "--failed", "--wait")
	if again.code != exit.TasksFail || !strings.Contains(again.stdout, "5 failed tasks sent again") || !strings.Contains(again.stdout, "now 35 ok, 5 failed") {
		t.Errorf("retry of what is still sick: %+v", again)
	}
	if err := os.WriteFile(cure, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cured := starburst(t.Context(), "", "retry", "sick", "--failed", "--wait")
	if cured.code != exit.TasksFail || !strings.Contains(cured.stdout, "now 39 ok, 1 failed") {
		t.Errorf("retry after the cure: %+v", cured)
	}
	res := starburst(t.Context(), "", "results", "sick", "-o", "csv")
	if strings.Count(res.stdout, "false") != 1 || !strings.Contains(res.stdout, "2,true,r3,") || !strings.Contains(res.stdout, "6,false") {
		t.Errorf("results: %+v", res)
	}
	if no := starburst(t.Context(), "", "retry", "sick"); no.code != exit.Usage {
		t.Errorf("retry without --failed: %+v", no)
	}
	if no := starburst(t.Context(), "", "retry", "--failed", "nosuch"); no.code != exit.NotFound {
		t.Errorf("retry of nothing: %+v", no)
	}
}

func TestARetryUnderWayIsRepeatedAndCancelled(t *testing.T) {
	slow := filepath.Join(t.TempDir(), "slow")
	startDev(t, "sh", "-c", "[ -e "+slow+" ] || exit 1; sleep 1.5; echo r{}")
	for _, job := range []string{"again", "enough"} {
		if sub := starburst(t.Context(), "", "submit", "exec", "--range", "1:4", "--chunk", "2", "--attempts", "1", "--job", job, "--wait"); sub.code != exit.TasksFail {
			t.Fatalf("submit: %+v", sub)
		}
	}
	if err := os.WriteFile(slow, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := starburst(t.Context(), "", "retry", "again", "--failed"); got.code != exit.OK || !strings.Contains(got.stdout, "4 failed tasks sent again in 2 messages") {
			t.Fatalf("retry: %+v", got)
		}
	}
	if st := starburst(t.Context(), "", "status", "again"); st.code != exit.Pending || !strings.Contains(st.stdout, "sealed") || !strings.Contains(st.stdout, "4 of the failed are being run again") {
		t.Errorf("status while it is under way: %+v", st)
	}
	if got := starburst(t.Context(), "", "retry", "again", "--failed", "--wait"); got.code != exit.OK || !strings.Contains(got.stdout, "now 4 ok, 0 failed") {
		t.Errorf("the retry again, to its end: %+v", got)
	}
	if st := starburst(t.Context(), "", "status", "again"); st.code != exit.OK || !strings.Contains(st.stdout, "done") {
		t.Errorf("status afterwards: %+v", st)
	}
	if got := starburst(t.Context(), "", "retry", "again", "--failed"); got.code != exit.OK || !strings.Contains(got.stdout, "0 failed tasks") {
		t.Errorf("retry when nothing has failed: %+v", got)
	}

	if got := starburst(t.Context(), "", "retry", "enough", "--failed"); got.code != exit.OK {
		t.Fatalf("retry: %+v", got)
	}
	if got := starburst(t.Context(), "", "cancel", "enough"); got.code != exit.OK || !strings.Contains(got.stdout, " failed, 0 never run, of 4") {
		t.Errorf("cancelling a retry: %+v", got)
	}
	if got := starburst(t.Context(), "", "retry", "enough", "--failed"); got.code != exit.Usage {
		t.Errorf("retry of a cancelled job: %+v", got)
	}
}
