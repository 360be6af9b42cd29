// Command souk runs the shop on one machine, and looks after what it runs.
//
// Messages go to standard error, data to standard output. It exits with 0 when
// it did what it was asked to, 1 when it could not, and 2 when it was asked
// something it does not understand.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"souk/shared/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	environment, err := config.FromPairs(os.Environ()).WithSecretFiles()
	if err != nil {
		fmt.Fprintln(os.Stderr, "souk:", err)
		os.Exit(exitFailed)
	}
	getenv := func(name string) string { return environment[name] }
	os.Exit(run(ctx, os.Args[1:], getenv, os.Stdout, os.Stderr))
}
