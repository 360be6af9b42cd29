package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/cmd/souk/internal/receiver"
	"souk/emulators/local"
)

const (
	// deleteTimeout bounds the deletion of the webhook at the end.
	deleteTimeout = 15 * time.Second
	// testTimeout is the time after which a test event that has not arrived is reported: more than the
	// functions take to start.
	testTimeout = 20 * time.Second
)

// listenOptions are the flags of souk listen.
type listenOptions struct {
	forward, publicURL string
	events             []string
	port               uint16
	test, bodies       bool

	// target and public are the URLs of forward and publicURL, nil without.
	target, public *url.URL
	// testTimeout is for tests: testTimeout.
	testTimeout time.Duration
}

func (p *program) listenCommand() *cobra.Command {
	var shop shopFlags
	var o listenOptions
	command := &cobra.Command{
		Use:   "listen",
		Short: "Receive webhooks on this machine, print and forward them",
		Long: `Receive the events of the shop on this machine while you write a program for its webhooks:
print each one, and forward it unchanged to your program. Your program's response is the one
that the shop receives, so that it sends the event again after a failure.

It creates a webhook at the shop, prints its secret, checks the signature of each request, and
deletes the webhook when it ends. What it could not delete, the next start does.

A shop in the cloud does not reach this machine: open a tunnel to --port, and set --public-url
to its address.

` + shopLogin,
		Example: `  souk listen
  souk listen --forward http://127.0.0.1:3000/hook --test
  souk listen --events order.confirmed,order.shipped --bodies
  souk listen --url https://shop.example --port 4000 --public-url https://tunnel.example --forward http://127.0.0.1:3000`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := p.checkListen(shop, &o); err != nil {
				return err
			}
			return p.listen(command.Context(), shop, o)
		},
	}
	shop.add(p, command)
	f := command.Flags()
	f.StringVar(&o.forward, "forward", "", "URL of your program, such as http://127.0.0.1:3000/hook (default: print only)")
	f.StringSliceVar(&o.events, "events", []string{"*"}, "types of the events, such as order.confirmed")
	f.Uint16Var(&o.port, "port", 0, "port on this machine that receives events (default: a free one)")
	f.StringVar(&o.publicURL, "public-url", "", "address by which the shop reaches --port (default: this machine)")
	f.BoolVar(&o.test, "test", false, "send a test event first")
	f.BoolVar(&o.bodies, "bodies", false, "print the body of each event")
	return command
}

// checkListen checks the flags, and parses those that are URLs.
func (p *program) checkListen(shop shopFlags, o *listenOptions) (err error) {
	if o.target, err = p.webURL("forward", o.forward); err != nil {
		return err
	}
	if o.public, err = p.webURL("public-url", o.publicURL); err != nil || o.public != nil {
		return err
	}
	if u, err := url.Parse(shop.url); shop.url != "" && (err != nil || !isLoopback(u.Hostname())) {
		return p.usageError("the shop at %s does not reach this machine: open a tunnel to a port, and set --port and --public-url", shop.url)
	}
	if p.inContainers() {
		return errors.New("a container does not reach this machine: use the system of make up, or --url and --public-url")
	}
	return nil
}

// webURL returns the URL in a flag, or nil if the flag is empty.
func (p *program) webURL(flag, text string) (*url.URL, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // an empty flag has no URL
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, p.usageError("--%s %q is no URL: use one such as http://127.0.0.1:3000/hook", flag, text)
	}
	return u, nil
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// address returns the URL at which the shop reaches a listener, without a path.
func (o *listenOptions) address(listener net.Listener) string {
	if o.public != nil {
		return strings.TrimSuffix(o.public.String(), "/")
	}
	return "http://" + listener.Addr().String()
}

// listen receives events until ctx is done.
func (p *program) listen(ctx context.Context, flags shopFlags, o listenOptions) error {
	path := receiver.NewPath()
	var listener net.Listener
	var hook shopWebhook
	err := p.withShop(ctx, flags, func(shop *shopClient) (err error) {
		// Before the port is open: a run that was killed may have had the same one.
		if err := p.deleteStaleWebhooks(ctx, shop); err != nil {
			return err
		}
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(o.port))))
		if err != nil {
			return &local.Advice{Err: err, Do: "Another program may use the port: choose another one with --port."}
		}
		hook, err = shop.createWebhook(ctx, o.address(listener)+path, o.events)
		return err
	})
	if listener != nil {
		defer func() { _ = listener.Close() }() // Serve has closed it unless there is an error before
	}
	end := func() error { return p.deleteWebhook(ctx, flags, hook.ID) }
	switch {
	case hook.ID == "":
		return err
	case err != nil: // of signing out
		return errors.Join(err, end())
	}
	missing := time.AfterFunc(cmp.Or(o.testTimeout, testTimeout), func() { p.sayMissing(hook) })
	defer missing.Stop()
	r, err := receiver.New(path, receiver.Options{Secret: hook.Secret, Forward: o.target, Report: func(r receiver.Request) {
		missing.Stop()
		p.printReceived(r, o)
	}})
	if err != nil {
		return errors.Join(err, end())
	}
	p.sayListening(hook, o)
	if !o.test {
		missing.Stop() // other events may take any time
	} else if err := p.withShop(ctx, flags, func(shop *shopClient) error { return shop.testWebhook(ctx, hook.ID) }); err != nil {
		return errors.Join(err, end())
	}
	return receiver.Serve(ctx, listener, r, end)
}

func (p *program) sayListening(hook shopWebhook, o listenOptions) {
	p.say("listening to %s by webhook %s; Ctrl-C ends it", strings.Join(o.events, ", "), hook.ID)
	if o.target != nil {
		p.say("forwarding to %s, which can check the signatures with this secret; each start has another one:", o.target)
	} else {
		p.say("accepting all events, without --forward; the secret of the signatures:")
	}
	p.say("%s", hook.Secret)
}

// sayMissing reports that the test event has not arrived.
func (p *program) sayMissing(hook shopWebhook) {
	p.say("the test event has not arrived within %s. A shop in containers or on another machine does not reach 127.0.0.1: use the system of make up,\n"+
		"or a tunnel with --public-url. What the shop has tried: GET %s/%s/deliveries", testTimeout, webhooksPath, hook.ID)
}

// deleteWebhook deletes the webhook of this command, also if ctx is done.
func (p *program) deleteWebhook(ctx context.Context, flags shopFlags, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	// The access token of the beginning has expired: it is valid for 15 minutes.
	deleted := false
	err := p.withShop(ctx, flags, func(shop *shopClient) error {
		err := shop.deleteWebhook(ctx, id)
		deleted = err == nil
		return err
	})
	if err != nil && !deleted {
		return fmt.Errorf("webhook %s remains, and the next souk listen deletes it: %w", id, err)
	}
	p.say("webhook %s is deleted", id)
	return nil
}

// printReceived prints a request in a line.
func (p *program) printReceived(r receiver.Request, o listenOptions) {
	line := fmt.Sprintf("%s  %-18s  %s  %d  %s", r.At.Format("15:04:05.000"), r.Type, r.ID, r.Status, r.Took.Round(100*time.Microsecond))
	if r.Type == "" {
		line = fmt.Sprintf("%s  %d", r.At.Format("15:04:05.000"), r.Status)
	}
	if r.Problem != "" {
		line += "  " + p.red(r.Problem)
	}
	if o.bodies && len(r.Body) > 0 {
		line += "\n  " + string(r.Body)
	}
	if _, err := fmt.Fprintln(p.stdout, line); err != nil {
		p.say("write the line of event %s: %v", r.ID, err)
	}
	if r.Status == http.StatusGone {
		p.say("your program has responded with 410: the shop disables the webhook and sends nothing more to it. Start souk listen again")
	}
}
