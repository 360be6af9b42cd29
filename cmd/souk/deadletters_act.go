package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"souk/emulators/pubsub/deadletters"
)

// actFlags are the flags of an action: its messages, its actor and its reason.
type actFlags struct {
	ids      []string
	all      bool
	who, why string
	log      string
}

// actor is Replay or Discard of a box.
type actor func(*deadletters.Box, context.Context, deadletters.Which, deadletters.Act) (int, error)

func (p *program) replayDeadLetters(broker *brokerFlags) *cobra.Command {
	command, flags := p.actOnDeadLetters(broker, "replayed", (*deadletters.Box).Replay)
	command.Use, command.Short = "replay SUBSCRIPTION", "Publish dead letters again to their original topic"
	command.Long = `Publish dead letters again to their original topic, with their attributes, and remove
each after it is published.
All subscriptions of the topic receive them again. A function that has already handled
the event finds it in its inbox and ignores it.
Each action is one line of JSON on standard error, and in --log.`
	return flags.on(command)
}

func (p *program) discardDeadLetters(broker *brokerFlags) *cobra.Command {
	command, flags := p.actOnDeadLetters(broker, "discarded", (*deadletters.Box).Discard)
	command.Use, command.Short = "discard SUBSCRIPTION", "Delete dead letters"
	command.Long = `Delete dead letters. They cannot be restored.
Each action is one line of JSON on standard error, and in --log.`
	return flags.on(command)
}

func (f *actFlags) on(command *cobra.Command) *cobra.Command {
	flags := command.Flags()
	flags.StringSliceVar(&f.ids, "id", nil, "ids of the messages, as printed by show")
	flags.BoolVar(&f.all, "all", false, "all messages of the subscription")
	flags.StringVar(&f.why, "reason", "", "reason of the action; required")
	flags.StringVar(&f.who, "as", "", "name of the actor (default the user of this machine)")
	flags.StringVar(&f.log, "log", "", "file to append the actions to")
	return command
}

func (p *program) actOnDeadLetters(broker *brokerFlags, done string, act actor) (*cobra.Command, *actFlags) {
	flags := &actFlags{}
	command := &cobra.Command{
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) (err error) {
			if flags.all == (len(flags.ids) > 0) {
				return p.usageError("which messages? set --id, or --all")
			}
			if flags.why == "" {
				return p.usageError("why? set --reason")
			}
			log, closeLog, err := p.actionLog(flags.log)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, closeLog()) }()
			who, err := flags.operator()
			if err != nil {
				return err
			}
			return p.withBox(command.Context(), *broker, func(box *deadletters.Box) error {
				n, err := act(box, command.Context(), deadletters.Which{Subscription: args[0], IDs: flags.ids},
					deadletters.Act{Who: who, Why: flags.why, Log: log})
				p.say("%d %s", n, done)
				return err
			})
		},
	}
	return command, flags
}

// operator is who acts.
func (f *actFlags) operator() (string, error) {
	if f.who != "" {
		return f.who, nil
	}
	u, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("who are you? set --as: %w", err)
	}
	return u.Username, nil
}

// actionLog returns what writes a record to standard error, and to a file, if one
// is named.
func (p *program) actionLog(path string) (log func(deadletters.Record) error, closeLog func() error, err error) {
	out, closeLog := p.stderr, func() error { return nil }
	if path != "" {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, nil, fmt.Errorf("open the log of actions: %w", err)
		}
		out, closeLog = io.MultiWriter(file, p.stderr), file.Close
	}
	return func(r deadletters.Record) error { return p.printLine(out, r) }, closeLog, nil
}

// printLine writes data as one line of JSON.
func (p *program) printLine(out io.Writer, data any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(data); err != nil {
		return fmt.Errorf("write a line: %w", err)
	}
	return nil
}
