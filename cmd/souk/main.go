// Command souk runs the shop on one machine, and looks after what it runs.
//
// Messages go to standard error, data to standard output. It exits with 0 when
// it did what it was asked to, 1 when it could not, and 2 when it was asked
// something it does not understand.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}
