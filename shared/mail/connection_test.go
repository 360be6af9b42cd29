package mail_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"souk/shared/config"
	"souk/shared/mail"
	"souk/shared/mail/catch"
	"souk/shared/mail/mailtest"
)

// oneConnection sends one mail after the other.
func oneConnection(server *mailtest.Server) mail.Config {
	c := server.Config()
	c.Connections = 1
	return c
}

// TestMailsAtTheSameTime has the server take no mail before it has them all: each needs a
// connection of its own, and the next mails need no other.
func TestMailsAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	sender := mustSender(t, server.Config())
	var arrived sync.WaitGroup
	arrived.Add(mail.DefaultConnections)
	server.OnMessage(func(catch.Letter) error {
		arrived.Done()
		arrived.Wait()
		return nil
	})
	sendAll := func() {
		var all sync.WaitGroup
		for range mail.DefaultConnections {
			all.Go(func() {
				if err := sender.Send(t.Context(), hello()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	sendAll()
	arrived.Add(mail.DefaultConnections)
	sendAll()
	if n := server.Connections(); n != mail.DefaultConnections {
		t.Errorf("%d connections, want %d", n, mail.DefaultConnections)
	}
}

func TestConnectionIsReused(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	sender := mustSender(t, oneConnection(server))
	mustSend := func(t *testing.T) {
		t.Helper()
		if err := sender.Send(t.Context(), hello()); err != nil {
			t.Fatal(err)
		}
	}
	requireConnections := func(t *testing.T, want int) {
		t.Helper()
		if got := server.Connections(); got != want {
			t.Fatalf("%d connections, want %d", got, want)
		}
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := sender.Send(t.Context(), hello()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	mustSend(t)
	requireConnections(t, 1)

	server.Disconnect()
	mustSend(t)
	requireConnections(t, 2)

	server.Refuse(func(string) error { return &smtp.SMTPError{Code: 450, Message: "busy"} })
	if err := sender.Send(t.Context(), hello()); err == nil {
		t.Fatal("a refused mail was sent")
	}
	server.Refuse(nil)
	mustSend(t)
	requireConnections(t, 3)
	if n := len(server.To(ada)); n != 23 {
		t.Errorf("%d mails arrived, want 23", n)
	}
}

// TestConnectionThatHangs sends a mail that hangs: it ends with its context. Mails that
// wait for it end with theirs, and the next one has a new connection.
func TestConnectionThatHangs(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	hanging, resume := make(chan struct{}), make(chan struct{})
	var once sync.Once
	server.OnMessage(func(catch.Letter) error {
		once.Do(func() {
			close(hanging)
			<-resume
		})
		return nil
	})
	sender := mustSender(t, oneConnection(server))
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { failed <- sender.Send(ctx, hello()) }()
	<-hanging
	waiting, cancelWaiting := context.WithCancel(t.Context())
	cancelWaiting()
	requireSendError(t, sender.Send(waiting, hello()), "connect", false)
	cancel()
	if err := <-failed; err == nil {
		t.Error("the mail that hangs was sent")
	}
	close(resume)
	if err := sender.Send(t.Context(), hello()); err != nil {
		t.Fatal(err)
	}
	if n := server.Connections(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// TestServerStopsBesideIdleConnections stops a server, which does not wait for clients with
// idle connections.
func TestServerStopsBesideIdleConnections(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := catch.Serve(listener, catch.Options{})
	c := mailtest.Start(t).Config()
	c.URL = config.NewSecret("smtp://" + listener.Addr().String())
	sender := mustSender(t, c)
	if err := sender.Send(t.Context(), hello()); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), hello()); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("got %v from a server that has stopped", err)
	}
}
