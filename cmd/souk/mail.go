package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"souk/emulators/mail"
)

// mailStopTimeout is how long mail that is coming in may take to the end.
const mailStopTimeout = 10 * time.Second

func (p *program) mailCommand() *cobra.Command {
	var options mail.Options
	allowedHosts := ""
	command := &cobra.Command{
		Use:   "mail",
		Short: "Serve a mail server for tests",
		Long: `Run a mail server that accepts all mail, forwards none, and shows the newest messages
in a browser. souk up includes one.

    GET /api/messages?to=ada@example.com&wait=5    newest first, as JSON
    GET /api/latest?to=ada@example.com&wait=5      the text of the newest`,
		Example: "  souk mail --smtp 0.0.0.0:1025 --http 0.0.0.0:8025    in a container",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			hosts, err := p.allowedHosts(allowedHosts)
			if err != nil {
				return err
			}
			options.Hosts = hosts
			return p.mail(command.Context(), options)
		},
	}
	command.Flags().StringVar(&options.SMTP, "smtp", "127.0.0.1:1025", "host:port of the SMTP server")
	command.Flags().StringVar(&options.HTTP, "http", "127.0.0.1:8025", "host:port of the web page")
	allowedHostsFlag(command, &allowedHosts)
	return command
}

// mail runs until ctx ends.
func (p *program) mail(ctx context.Context, options mail.Options) error {
	server, err := mail.Start(ctx, options)
	if err != nil {
		return err
	}
	p.say("mail to %s is shown at %s", server.SMTP(), server.URL())
	failure := server.Wait(ctx)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), mailStopTimeout)
	defer cancel()
	return errors.Join(failure, server.Close(stop))
}
