// Command console serves the console of a system of containers: traces, orders, messages and
// databases. It is a program of its own because souk, in its image, leaves the console out.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"souk/shared/config"
	"souk/shared/health"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "console:", err)
		os.Exit(1) //nolint:gocritic // the process ends
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == health.Argument {
		return health.Check(ctx, "8080")
	}
	environment, err := config.FromPairs(os.Environ()).WithSecretFiles()
	if err != nil {
		return err
	}
	return serve(ctx, environment, addresses{pages: ":8080", traces: ":4318"})
}
