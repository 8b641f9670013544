package dynamojournal

import (
	"context"
	"errors"
	"regexp"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// turns is how often a write is tried that meets another one of the same item. DynamoDB
// refuses one of two transactions at once, and does not queue them.
const turns = 10

// placeholder is a name in an expression.
var placeholder = regexp.MustCompile(`#([a-z_]+)`)

// conditionCode is the code of an item whose condition failed, among the reasons of a
// cancelled transaction (TransactWriteItems, API reference).
const conditionCode = "ConditionalCheckFailed"

// insist tries a write again that another one was in the way of.
func insist(ctx context.Context, write func() error) error {
	for turn := 0; ; turn++ {
		err := write()
		if turn == turns-1 || !contended(err) {
			return err
		}
		if err := rest(ctx, turn); err != nil {
			return err
		}
	}
}

// contended tells whether a write failed only because of others at the same moment.
func contended(err error) bool {
	if api, is := errors.AsType[smithy.APIError](err); is && api.ErrorCode() == "TransactionConflictException" {
		return true
	}
	codes := reasons(err)
	return !slices.Contains(codes, conditionCode) && slices.ContainsFunc(codes, func(code string) bool {
		return slices.Contains([]string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}, code)
	})
}

// transact writes all or nothing. Each try has a token of the SDK's own, with which
// DynamoDB knows what the SDK sends twice.
func (j *Journal) transact(ctx context.Context, writes []types.TransactWriteItem) error {
	return insist(ctx, func() error {
		_, err := j.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		return err
	})
}

// put is an item of a transaction that must not be there yet.
func (j *Journal) put(whole item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &j.table, Item: whole, ConditionExpression: awssdk.String("attribute_not_exists(pk)"),
	}}
}

// update changes one item on a condition and answers how it is then.
func (j *Journal) update(ctx context.Context, at key, change, condition string, values item) (item, error) {
	var after item
	err := insist(ctx, func() error {
		out, err := j.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &j.table, Key: at.attributes(),
			UpdateExpression: &change, ConditionExpression: &condition,
			ExpressionAttributeNames: namesIn(change + condition), ExpressionAttributeValues: values,
			ReturnValues:                        types.ReturnValueAllNew,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		if err == nil {
			after = out.Attributes
		}
		return err
	})
	return after, err
}

// namesIn are the names behind the placeholders of an expression: "#open" is open, which
// is a word of DynamoDB's own as it stands.
func namesIn(expression string) map[string]string {
	names := map[string]string{}
	for _, found := range placeholder.FindAllStringSubmatch(expression, -1) {
		names[found[0]] = found[1]
	}
	return names
}

// unsure tells whether a failed write may have been done: nobody answered, or AWS itself
// failed, or its condition failed, which a second sending of it does.
func unsure(err error) bool {
	if conditionFailed(err) != nil || slices.Contains(reasons(err), conditionCode) {
		return true
	}
	var answer interface{ HTTPStatusCode() int }
	return !errors.As(err, &answer) || answer.HTTPStatusCode() >= 500 || answer.HTTPStatusCode() < 400
}
