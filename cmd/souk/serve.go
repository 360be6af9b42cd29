package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"souk/emulators/hostcheck"
)

// drainTimeout is how long requests may take to finish when a server is to stop:
// less than the ten seconds after which Docker kills it.
const drainTimeout = 8 * time.Second

func allowedHostsFlag(command *cobra.Command, list *string) {
	command.Flags().StringVar(list, hostcheck.Flag, "",
		"host names to respond to besides those of this machine, separated by commas; * for all (default $"+hostcheck.Variable+")")
}

// allowedHosts reads the list of a flag, or of the variable.
func (p *program) allowedHosts(list string) (hostcheck.Hosts, error) {
	hosts, err := hostcheck.Parse(cmp.Or(list, p.getenv(hostcheck.Variable)))
	if err != nil {
		return nil, p.usageError("--%s or %s: %v", hostcheck.Flag, hostcheck.Variable, err)
	}
	return hosts, nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}

// serve serves a handler until ctx ends, then lets requests finish.
func (p *program) serve(ctx context.Context, address string, handler http.Handler) error {
	listener, err := listen(ctx, address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(p.logger().Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", address, err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err = server.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop: requests were cut off: %w", err), server.Close())
	}
	<-served
	return err
}
