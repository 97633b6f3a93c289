package iamcheck_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/iamcheck"
)

const module = "../../infra/terraform"

func load(t *testing.T) iamcheck.Lists {
	t.Helper()
	lists, err := iamcheck.Load(module)
	if err != nil {
		t.Fatal(err)
	}
	return lists
}

// The module's own tests assert each list from the plan; here it is seen that reading the
// files gives the same.
func TestListsAreReadFromTheModule(t *testing.T) {
	t.Parallel()
	lists := load(t)
	want := map[string][]string{
		"worker": {
			"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
			"ecs:GetTaskProtection", "ecs:UpdateTaskProtection", "kms:Decrypt", "kms:GenerateDataKey", "s3:GetObject", "s3:ListBucket", "s3:PutObject",
			"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage",
		},
		"enqueuer": {"kms:Decrypt", "kms:GenerateDataKey", "sqs:GetQueueUrl", "sqs:SendMessage"},
		"schedule": {"kms:Decrypt", "kms:GenerateDataKey", "lambda:InvokeFunction"},
	}
	for name, list := range want {
		if diff := cmp.Diff(list, lists[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, name := range []string{"producer", "operator", "deployer", "scaler", "execution", "deadman_automation", "deadman_rule"} {
		if len(lists[name]) == 0 {
			t.Errorf("no list of %s", name)
		}
	}
	for _, action := range lists["producer"] {
		if !slices.Contains(lists["operator"], action) {
			t.Errorf("an operator may not %s, a producer may", action)
		}
	}
}

// A list must hold no stars, and what a role of a program must never do.
func TestNoRoleMayDoEverything(t *testing.T) {
	t.Parallel()
	for name, list := range load(t) {
		for _, action := range list {
			if slices.Contains([]string{"*", "sqs:*", "dynamodb:*", "s3:*", "ecs:*", "iam:*"}, action) {
				t.Errorf("%s may %s", name, action)
			}
		}
	}
	for _, action := range []string{"iam:PassRole", "ecs:RegisterTaskDefinition", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "sqs:PurgeQueue", "ecs:UpdateService"} {
		if slices.Contains(load(t)["worker"], action) {
			t.Errorf("a worker may %s", action)
		}
	}
}
