//go:build unix

package waves

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/stack"
)

// envMoto is the URL of a moto server.
const envMoto = "STARBURST_TEST_MOTO"

// TestWavesOnMotosECS is the same run with services that somebody else's server keeps: the autoscaler creates, describes and sizes them
// there. The quota is the operator's own, because moto has none for Fargate.
func TestWavesOnMotosECS(t *testing.T) {
	t.Parallel()
	requireEnabled(t, "waves")
	motoURL := os.Getenv(envMoto)
	if motoURL == "" {
		t.Skip("needs moto; make waves starts it")
	}
	bin := command(t)
	srv := localawstest.Start(t) // queue and table
	a := startAgent(t, motoURL, stack.LocalEnv(srv.URL()))
	f := newFleet(t, srv.URL(), a.server.URL)
	a.operate(t, f, ecs.New(f.clients.ECS.Options(), func(o *ecs.Options) { o.BaseEndpoint = &motoURL }))
	all := f.play(t, bin, autoscale.Efficiency, "--vcpu-quota", "6")
	checkLaunches(t, all)
}
