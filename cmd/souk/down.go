//go:build !container

package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"souk/emulators/local"
)

// A system drains before it stops. After stopTimeout a second request stops it at once,
// which may take up to killTimeout.
const (
	stopTimeout = 60 * time.Second
	killTimeout = 20 * time.Second
)

func (p *program) downCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "down",
		Short: "Stop the running system",
		Long:  "Stop the system of a state directory, whether it runs in the background or in another terminal. Its data is not deleted.",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return p.down(command.Context())
		},
	}
	p.stateDirFlag(command)
	return command
}

func (p *program) down(ctx context.Context) error {
	client, err := p.connect()
	if errors.Is(err, local.ErrNotRunning) {
		p.say("nothing runs in %s", p.stateDir)
		return nil
	}
	if err != nil {
		return err
	}
	begin := time.Now()
	p.say("stopping process %d", client.PID())
	err = stopWithin(ctx, client, stopTimeout)
	if errors.Is(err, context.DeadlineExceeded) {
		p.say("it is still there after %s: stopping it at once", stopTimeout)
		err = stopWithin(ctx, client, killTimeout)
	}
	if err != nil {
		return err
	}
	p.say("stopped after %.1f s. The data is in %s, and there next time.", time.Since(begin).Seconds(), p.stateDir)
	return nil
}

func stopWithin(ctx context.Context, client *local.Client, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return client.Stop(ctx)
}
