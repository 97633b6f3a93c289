package deploy_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/testmain"
)

// TestMain is also the worker that is deployed. The local endpoint starts it whatever the image is called; it ends at once
// where the image's name says that it would not work.
func TestMain(m *testing.M) {
	if os.Getenv(role.Env) == "" {
		os.Exit(testmain.Run(m))
	}
	if strings.Contains(myImage(), "broken") {
		os.Exit(1)
	}
	echo := consumer.Registry{"echo": func(_ context.Context, t consumer.Task) ([]byte, error) { return t.Arg, nil }}
	_, err := role.Run(context.Background(), echo)
	os.Exit(int(exit.CodeOf(err)))
}

// myImage asks the ECS agent.
func myImage() string {
	res, err := http.Get(os.Getenv("ECS_CONTAINER_METADATA_URI_V4") + "/task")
	if err != nil {
		return ""
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	var task struct{ Containers []struct{ Image string } }
	if json.NewDecoder(res.Body).Decode(&task) != nil || len(task.Containers) == 0 {
		return ""
	}
	return task.Containers[0].Image
}
