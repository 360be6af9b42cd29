//go:build !container

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"souk/emulators/local"
)

func (p *program) databaseCommand() *cobra.Command {
	durable := false
	command := &cobra.Command{
		Use:   "database -- COMMAND [ARGUMENT...]",
		Short: "Run a command with a temporary database server",
		Long: `Start a real database server, run a command with DATABASE_URL set to it, and delete
the server and its data afterwards. If DATABASE_URL is already set, the command uses
that server, and none is started.

The server is fast and not durable: it does not write commits to the disk. --durable
syncs the binary log and the redo log at each commit, as Cloud SQL does: measurements
need it.

The exit status is the command's.`,
		Example: `  souk database -- go test ./...
  souk database --durable -- go test -run '^$' -bench . ./shared/event`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return p.withDatabase(command.Context(), durable, args)
		},
	}
	command.Flags().BoolVar(&durable, "durable", false, "sync each commit to the disk, as Cloud SQL does")
	return command
}

func (p *program) withDatabase(ctx context.Context, durable bool, args []string) error {
	if p.getenv("DATABASE_URL") != "" {
		return p.runChild(args, os.Environ())
	}
	server, err := local.StartThrowAway(ctx, durable, p.progress)
	if err != nil {
		return err
	}
	err = p.runChild(args, append(os.Environ(), "DATABASE_URL="+string(server.URL())))
	if stopErr := server.Stop(context.WithoutCancel(ctx)); stopErr != nil {
		p.sayError(stopErr) // The exit code is the command's all the same.
	}
	return err
}

// runChild runs a command to its end, passing on signals and its exit code.
func (p *program) runChild(args, environment []string) error {
	child := exec.Command(args[0], args[1:]...) //nolint:noctx // signals end it, as it decides
	child.Env = environment
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, p.stdout, p.stderr
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		return fmt.Errorf("run %s: %w", args[0], err)
	}
	ended := make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() { passSignals(child.Process, signals, ended) })
	err := child.Wait()
	close(ended)
	passing.Wait()
	return childError(args[0], err)
}

// passSignals passes signals on, except what a terminal has sent to the child
// already: it reaches all of the foreground.
func passSignals(child *os.Process, signals <-chan os.Signal, ended <-chan struct{}) {
	onTerminal := term.IsTerminal(int(os.Stdin.Fd()))
	for {
		select {
		case s := <-signals:
			if onTerminal && (s == os.Interrupt || s == syscall.SIGQUIT) {
				continue
			}
			_ = child.Signal(s) // It may have ended just now.
		case <-ended:
			return
		}
	}
}

// childError makes the child's exit code ours, as a shell does: 128 and the number
// of the signal that ended it.
func childError(name string, err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &exit):
		return fmt.Errorf("run %s: %w", name, err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitCode(128 + int(status.Signal()))
	}
	return exitCode(exit.ExitCode())
}
