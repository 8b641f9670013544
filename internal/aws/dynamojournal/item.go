package dynamojournal

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"serin/internal/engine"
)

// format is the version of the items that this serin writes, and the newest that it
// reads.
const format = 1

// item is an item of the table, or the values of an expression.
type item = map[string]types.AttributeValue

// key is the key of an item.
type key struct{ partition, sort string }

func (k key) attributes() item { return item{"pk": text(k.partition), "sk": text(k.sort)} }

// with is an item with this key.
func (k key) with(attributes item) item {
	attributes["pk"], attributes["sk"] = text(k.partition), text(k.sort)
	return attributes
}

func rolloutKey(id string) key { return key{"rollout#" + id, "header"} }

func openKey(of engine.Key) key {
	return key{"service#" + environment(of) + "/" + url.PathEscape(of.Service), "open"}
}

// listingKey is the key of a rollout in the listing of its environment. What is listed is
// short: thirty of them are one read unit, which every console reads every second.
func listingKey(of engine.Header) key {
	return key{"rollouts#" + environment(of.Key), of.StartedAt.UTC().Format(sortable) + "#" + of.ID}
}

// environment is an environment of a region of an account, as a part of a key.
func environment(of engine.Key) string {
	return url.PathEscape(of.Account) + "/" + url.PathEscape(of.Region) + "/" + url.PathEscape(of.Environment)
}

// sortable is a time in UTC as text that sorts as the times do.
const sortable = "2006-01-02T15:04:05.000000000Z07:00"

// What stands before the number in the sort keys of events and of commands.
const (
	eventsPrefix  = "events#"
	commandPrefix = "command#"
)

// numberedKey is a sort key that sorts as the numbers do. One below zero is nobody's.
func numberedKey(prefix string, number int64) string {
	return fmt.Sprintf("%s%019d", prefix, max(number, 0))
}

// beyond is a sort key after all with a prefix and a number.
func beyond(prefix string) string { return prefix + "~" }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func flag(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

// reader reads the attributes of an item and keeps the first thing that is wrong.
type reader struct {
	item item
	err  error
}

func (r *reader) fail(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("its attribute %s is not %s", name, want)
	}
}

func (r *reader) text(name string) string {
	value, is := r.item[name].(*types.AttributeValueMemberS)
	if !is {
		r.fail(name, "text")
		return ""
	}
	return value.Value
}

func (r *reader) number(name string) int64 {
	value, is := r.item[name].(*types.AttributeValueMemberN)
	if is {
		if n, err := strconv.ParseInt(value.Value, 10, 64); err == nil {
			return n
		}
	}
	r.fail(name, "a whole number")
	return 0
}

func (r *reader) flag(name string) bool {
	value, is := r.item[name].(*types.AttributeValueMemberBOOL)
	if !is {
		r.fail(name, "true or false")
		return false
	}
	return value.Value
}

// marked tells whether an item bears a mark.
func marked(found item, name, mark string) bool {
	value, is := found[name].(*types.AttributeValueMemberS)
	return is && value.Value == mark
}

// conditionFailed is the failed condition of a write of one item, with the item as it
// is; nil when err is something else.
func conditionFailed(err error) *types.ConditionalCheckFailedException {
	failed, _ := errors.AsType[*types.ConditionalCheckFailedException](err)
	return failed
}

// reasons are the codes of why a transaction was cancelled, one for each of its items.
func reasons(err error) []string {
	cancelled, is := errors.AsType[*types.TransactionCanceledException](err)
	if !is {
		return nil
	}
	codes := make([]string, len(cancelled.CancellationReasons))
	for i, reason := range cancelled.CancellationReasons {
		codes[i] = awssdk.ToString(reason.Code)
	}
	return codes
}
