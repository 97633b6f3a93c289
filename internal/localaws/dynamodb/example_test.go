package dynamodb_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb"
)

func Example() {
	if err := example(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// written
	// refused; the item there is from worker-1
}

func example() error {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	defer d.Close()
	service, err := dynamodb.New(d, dynamodb.Options{})
	if err != nil {
		return err
	}
	defer service.Close()
	server := httptest.NewServer(service)
	defer server.Close()

	// From here on, nothing knows that this is not AWS.
	ctx := context.Background()
	client := sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("any", "any", "")})
	_, err = client.CreateTable(ctx, &sdk.CreateTableInput{TableName: aws.String("results"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: "HASH"}}})
	if err != nil {
		return err
	}
	for _, worker := range []string{"worker-1", "worker-2"} {
		_, err := client.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String("results"),
			Item:                map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "task-7"}, "by": &types.AttributeValueMemberS{Value: worker}},
			ConditionExpression: aws.String("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: "ALL_OLD"})
		var exists *types.ConditionalCheckFailedException
		switch {
		case errors.As(err, &exists):
			fmt.Println("refused; the item there is from", exists.Item["by"].(*types.AttributeValueMemberS).Value)
		case err != nil:
			return err
		default:
			fmt.Println("written")
		}
	}
	return nil
}
