package dynamojournal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"serin/internal/engine"
	"serin/internal/journal"
)

// Post implements engine.Journal.
func (j *Journal) Post(ctx context.Context, id string, command engine.Command) (int64, error) {
	number, err := j.post(ctx, id, command)
	if err != nil {
		return 0, fmt.Errorf("post %s to rollout %s: %w", command.Kind, id, err)
	}
	return number, nil
}

// post puts a command after the last one there is, unless another takes that place
// first: then after that one.
func (j *Journal) post(ctx context.Context, id string, command engine.Command) (int64, error) {
	if err := j.mustExist(ctx, id); err != nil {
		return 0, err
	}
	command.At = command.At.Round(0).UTC()
	mine := mark()
	for range 10 * turns {
		last, err := j.lastCommand(ctx, id)
		if err != nil {
			return 0, err
		}
		command.Number = last + 1
		switch taken, err := j.putCommand(ctx, id, mine, command); {
		case err != nil:
			return 0, err
		case !taken:
			return command.Number, nil
		}
	}
	return 0, errors.New("others post faster than this command can be: try again")
}

// lastCommand is the number of the last command; 0 when there is none.
func (j *Journal) lastCommand(ctx context.Context, id string) (last int64, err error) {
	newest := span{partition: rolloutKey(id).partition, from: commandPrefix, to: beyond(commandPrefix), backwards: true, page: 1}
	err = j.each(ctx, newest, func(found item) (bool, error) {
		r := reader{item: found}
		last = r.number("number")
		if r.err != nil {
			return false, j.rowError(id, "its last command", r.err)
		}
		return false, nil
	})
	return last, err
}

// putCommand writes a command with its number, unless another has it.
func (j *Journal) putCommand(ctx context.Context, id, mine string, command engine.Command) (taken bool, err error) {
	row, err := json.Marshal(command)
	if err != nil {
		return false, err
	}
	at := key{rolloutKey(id).partition, numberedKey(commandPrefix, command.Number)}
	_, err = j.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &j.table, ConditionExpression: awssdk.String("attribute_not_exists(pk)"),
		Item:                                at.with(item{"number": number(command.Number), "command": text(string(row)), "writer": text(mine)}),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return false, nil
	}
	if unsure(err) {
		if found, lost := j.get(ctx, at); lost == nil && marked(found, "writer", mine) {
			return false, nil
		}
	}
	if conditionFailed(err) != nil {
		return true, nil
	}
	return false, j.explain(ctx, "write", err)
}

// Commands implements engine.Journal. A command that is missing, or that cannot be read,
// is a *journal.RowError.
func (j *Journal) Commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	commands, err := j.commands(ctx, id, max(after, 0))
	if err != nil {
		return nil, fmt.Errorf("read the commands to rollout %s: %w", id, err)
	}
	return commands, nil
}

func (j *Journal) commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	if err := j.mustExist(ctx, id); err != nil {
		return nil, err
	}
	var commands []engine.Command
	posted := span{partition: rolloutKey(id).partition, from: numberedKey(commandPrefix, after+1), to: beyond(commandPrefix)}
	err := j.each(ctx, posted, func(found item) (bool, error) {
		next := after + 1 + int64(len(commands))
		r := reader{item: found}
		at, row := r.number("number"), r.text("command")
		err := r.err
		if err == nil {
			var command engine.Command
			command, err = journal.DecodeCommand(at, next, []byte(row))
			commands = append(commands, command)
		}
		if err != nil {
			return false, j.rowError(id, fmt.Sprintf("command %d", at), err)
		}
		return true, nil
	})
	return commands, err
}
