package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// code is the API error's code.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

// withIndex adds the index "byg" on g and sk.
func withIndex(projection types.ProjectionType, include ...string) func(*dynamodb.CreateTableInput) {
	return func(in *dynamodb.CreateTableInput) {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String("g"), AttributeType: "S"})
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{IndexName: aws.String("byg"),
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String("g"), KeyType: "HASH"}, {AttributeName: aws.String("sk"), KeyType: "RANGE"}},
			Projection: &types.Projection{ProjectionType: projection, NonKeyAttributes: include}})
	}
}

func TestTableLifeCycle(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t, withIndex("ALL"), func(in *dynamodb.CreateTableInput) {
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}
		in.DeletionProtectionEnabled = aws.Bool(true)
		in.TableClass = types.TableClassStandardInfrequentAccess
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "NEW_IMAGE"}
		in.SSESpecification = &types.SSESpecification{Enabled: aws.Bool(true)}
		in.OnDemandThroughput = &types.OnDemandThroughput{MaxReadRequestUnits: aws.Int64(7)}
	})
	e.put(t, table, item{"pk": s("p"), "sk": s("s"), "g": s("g")})
	out, err := e.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	d := out.Table
	got := []any{d.TableStatus, *d.TableArn, *d.ItemCount, *d.TableSizeBytes, d.BillingModeSummary.BillingMode, *d.DeletionProtectionEnabled,
		d.TableClassSummary.TableClass, d.StreamSpecification.StreamViewType, d.LatestStreamArn != nil, d.SSEDescription.Status,
		*d.OnDemandThroughput.MaxReadRequestUnits, len(d.GlobalSecondaryIndexes), d.GlobalSecondaryIndexes[0].IndexStatus, *d.GlobalSecondaryIndexes[0].ItemCount}
	want := []any{types.TableStatusActive, "arn:aws:dynamodb:us-east-1:000000000000:table/things", int64(1), int64(8), types.BillingModePayPerRequest, true,
		types.TableClassStandardInfrequentAccess, types.StreamViewTypeNewImage, true, types.SSEStatusEnabled,
		int64(7), 1, types.IndexStatusActive, int64(1)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := e.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: d.TableArn}); err != nil {
		t.Error("by ARN:", err)
	}
	if _, err := e.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &table}); code(err) != "ValidationException" {
		t.Error("a protected table was deleted:", err)
	}
	if _, err := e.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table, DeletionProtectionEnabled: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &table}); err != nil {
		t.Fatal(err)
	}
	var gone *types.ResourceNotFoundException
	if _, err := e.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: item{"pk": s("p"), "sk": s("s")}}); !errors.As(err, &gone) {
		t.Error("a deleted table answers:", err)
	}
	e.table(t)
	if got := e.get(t, table, "p", "s"); got != nil {
		t.Error("a new table of the same name has old items:", got)
	}
	if err := e.service.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestCreateTableRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for name, change := range map[string]func(*dynamodb.CreateTableInput){
		"a short name":                 func(in *dynamodb.CreateTableInput) { in.TableName = aws.String("ab") },
		"a strange name":               func(in *dynamodb.CreateTableInput) { in.TableName = aws.String("a!bc") },
		"a key attribute without type": func(in *dynamodb.CreateTableInput) { in.AttributeDefinitions = in.AttributeDefinitions[:1] },
		"an attribute in no key":       func(in *dynamodb.CreateTableInput) { in.KeySchema = in.KeySchema[:1] },
		"a range key first":            func(in *dynamodb.CreateTableInput) { in.KeySchema[0].KeyType = "RANGE" },
		"a key of a map":               func(in *dynamodb.CreateTableInput) { in.AttributeDefinitions[0].AttributeType = "M" },
		"provisioned without units":    func(in *dynamodb.CreateTableInput) { in.BillingMode = types.BillingModeProvisioned },
		"on-demand with units": func(in *dynamodb.CreateTableInput) {
			in.ProvisionedThroughput = &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1), WriteCapacityUnits: aws.Int64(1)}
		},
		"an unknown table class":     func(in *dynamodb.CreateTableInput) { in.TableClass = "GOLD" },
		"INCLUDE without attributes": withIndex("INCLUDE"),
		"ALL with attributes":        withIndex("ALL", "x"),
		"two indexes of one name": func(in *dynamodb.CreateTableInput) {
			withIndex("ALL")(in)
			in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, in.GlobalSecondaryIndexes[0])
		},
		"a local index on another hash": func(in *dynamodb.CreateTableInput) {
			withIndex("ALL")(in)
			x := in.GlobalSecondaryIndexes[0]
			in.GlobalSecondaryIndexes = nil
			in.LocalSecondaryIndexes = []types.LocalSecondaryIndex{{IndexName: x.IndexName, KeySchema: x.KeySchema, Projection: x.Projection}}
		},
	} {
		in := &dynamodb.CreateTableInput{TableName: aws.String("things"), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{
				{AttributeName: aws.String("pk"), AttributeType: "S"}, {AttributeName: aws.String("sk"), AttributeType: "S"}},
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String("pk"), KeyType: "HASH"}, {AttributeName: aws.String("sk"), KeyType: "RANGE"}}}
		change(in)
		if _, err := e.CreateTable(context.Background(), in); code(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestListTablesPages(t *testing.T) {
	t.Parallel()
	e := setup(t)
	var want []string
	for i := range 7 {
		name := fmt.Sprintf("table-%d", i)
		e.table(t, func(in *dynamodb.CreateTableInput) { in.TableName = &name })
		want = append(want, name)
	}
	var got []string
	pages := dynamodb.NewListTablesPaginator(e.Client, &dynamodb.ListTablesInput{Limit: aws.Int32(3)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out.TableNames...)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAnIndexAddedLaterHoldsTheOldItems(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t)
	const n = 2*batch + 7
	for i := range n {
		e.put(t, table, item{"pk": s(fmt.Sprint("p", i)), "sk": s("s"), "g": s("even")})
	}
	e.put(t, table, item{"pk": s("odd"), "sk": s("s"), "g": num1()}) // of another type: stays out of the index
	e.put(t, table, item{"pk": s("none"), "sk": s("s")})
	_, err := e.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("g"), AttributeType: "S"}},
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{IndexName: aws.String("byg"),
			KeySchema:  []types.KeySchemaElement{{AttributeName: aws.String("g"), KeyType: "HASH"}},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}}}}})
	if err != nil {
		t.Fatal(err)
	}
	e.put(t, table, item{"pk": s("later"), "sk": s("s"), "g": s("even")})
	if err := e.service.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	out, err := e.Query(ctx, &dynamodb.QueryInput{TableName: &table, IndexName: aws.String("byg"), Select: "COUNT",
		KeyConditionExpression: aws.String("g = :g"), ExpressionAttributeValues: item{":g": s("even")}})
	if err != nil {
		t.Fatal(err)
	}
	if out.Count != n+1 {
		t.Errorf("the index holds %d of %d items", out.Count, n+1)
	}
	_, err = e.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table,
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Delete: &types.DeleteGlobalSecondaryIndexAction{IndexName: aws.String("byg")}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.service.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if left := e.rows(t, `SELECT COUNT(*) FROM ddb_index`); left != 0 {
		t.Errorf("%d index rows are left", left)
	}
}

func num1() types.AttributeValue { return n("1") }

func TestTimeToLive(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t, withIndex("ALL"))
	now := e.clock.Now().Unix()
	at := func(offset int64) types.AttributeValue { return n(strconv.FormatInt(now+offset, 10)) }
	e.put(t, table, item{"pk": s("before"), "sk": s("1"), "g": s("g"), "exp": at(10)}) // written before it is switched on
	on := &dynamodb.UpdateTimeToLiveInput{TableName: &table, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("exp"), Enabled: aws.Bool(true)}}
	if _, err := e.UpdateTimeToLive(ctx, on); err != nil {
		t.Fatal(err)
	}
	if _, err := e.UpdateTimeToLive(ctx, on); code(err) != "ValidationException" {
		t.Error("switched on twice:", err)
	}
	e.put(t, table, item{"pk": s("soon"), "sk": s("1"), "g": s("g"), "exp": at(10)})
	e.put(t, table, item{"pk": s("later"), "sk": s("1"), "g": s("g"), "exp": at(1000)})
	e.put(t, table, item{"pk": s("never"), "sk": s("1"), "g": s("g")})
	e.put(t, table, item{"pk": s("text"), "sk": s("1"), "g": s("g"), "exp": s(strconv.FormatInt(now-10, 10))})
	e.put(t, table, item{"pk": s("six years ago"), "sk": s("1"), "g": s("g"), "exp": at(-6 * 365 * 86400)})
	left := func() map[string]bool {
		if err := e.service.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		out, err := e.Query(ctx, &dynamodb.QueryInput{TableName: &table, IndexName: aws.String("byg"),
			KeyConditionExpression: aws.String("g = :g"), ExpressionAttributeValues: item{":g": s("g")}})
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, it := range out.Items {
			names[it["pk"].(*str).Value] = true
		}
		return names
	}
	for _, step := range []struct {
		after time.Duration
		want  map[string]bool
	}{
		{9 * time.Second, map[string]bool{"before": true, "soon": true, "later": true, "never": true, "text": true, "six years ago": true}},
		{time.Second, map[string]bool{"later": true, "never": true, "text": true, "six years ago": true}},
		{time.Hour, map[string]bool{"never": true, "text": true, "six years ago": true}},
	} {
		e.clock.Advance(step.after)
		if d := cmp.Diff(step.want, left()); d != "" {
			t.Errorf("after %v: %s", step.after, d)
		}
	}
	if rows := e.rows(t, `SELECT COUNT(*) FROM ddb_index`); rows != 3 {
		t.Errorf("%d index rows for 3 items", rows)
	}
	out, err := e.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &table})
	if err != nil || out.TimeToLiveDescription.TimeToLiveStatus != types.TimeToLiveStatusEnabled {
		t.Error(out, err)
	}
}

func TestTagsBackupsLimits(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t, func(in *dynamodb.CreateTableInput) {
		in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}
	})
	arn := aws.String("arn:aws:dynamodb:us-east-1:000000000000:table/things")
	if _, err := e.TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}, {Key: aws.String("a"), Value: aws.String("3")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.UntagResource(ctx, &dynamodb.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := e.ListTagsOfResource(ctx, &dynamodb.ListTagsOfResourceInput{ResourceArn: arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "3" {
		t.Error(tags, err)
	}
	if _, err := e.ListTagsOfResource(ctx, &dynamodb.ListTagsOfResourceInput{ResourceArn: aws.String(*arn + "x")}); code(err) != "ResourceNotFoundException" {
		t.Error(err)
	}
	if _, err := e.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{TableName: &table,
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)}}); err != nil {
		t.Fatal(err)
	}
	backups, err := e.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &table})
	if err != nil || backups.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != "ENABLED" {
		t.Error(backups, err)
	}
	if limits, err := e.DescribeLimits(ctx, &dynamodb.DescribeLimitsInput{}); err != nil || *limits.TableMaxReadCapacityUnits != 40_000 {
		t.Error(limits, err)
	}
	if ends, err := e.DescribeEndpoints(ctx, &dynamodb.DescribeEndpointsInput{}); err != nil || "http://"+*ends.Endpoints[0].Address != e.url {
		t.Error(ends, err)
	}
}
