package mail

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

const (
	// maxIdle is how long an idle connection is used again. It is below the five
	// minutes that a server waits for a command (RFC 5321, section 4.5.3.2.7).
	maxIdle = 2 * time.Minute
	// checkTimeout bounds the check whether an idle connection is still open.
	checkTimeout = 2 * time.Second
)

// connection is an SMTP session with the mail server. One mail uses it from connect to
// release or close. It is closed when the mail's context ends, because the library bounds
// the parts of a session but not their total.
type connection struct {
	server  server
	client  *gomail.Client
	session *smtp.Client
	conn    net.Conn
	usedAt  time.Time

	ctx    context.Context // the current mail's
	unbind func() bool
}

// takeIdle returns the idle connection that was used last, nil if there is none.
func (s *Sender) takeIdle() *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	last := len(s.idle) - 1
	c := s.idle[last]
	s.idle = s.idle[:last]
	return c
}

// putIdle adds an idle connection, and closes those that a burst opened long ago.
func (s *Sender) putIdle(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.idle) > 0 && time.Since(s.idle[0].usedAt) > maxIdle {
		s.idle[0].close()
		s.idle = s.idle[1:]
	}
	s.idle = append(s.idle, c)
}

// connect returns an idle connection, or a new one where there is none that can be
// used.
func (s *Sender) connect(ctx context.Context) (*connection, error) {
	for c := s.takeIdle(); c != nil; c = s.takeIdle() {
		c.bind(ctx)
		if c.isOpen() {
			return c, nil
		}
		c.close()
	}
	c := &connection{server: s.server, ctx: ctx}
	var err error
	if c.client, err = gomail.NewClient(s.server.host, s.options(c)...); err != nil {
		return nil, &SendError{Stage: "prepare", cause: err}
	}
	if c.session, err = c.client.DialToSMTPClientWithContext(ctx); err != nil {
		c.close()
		return nil, &SendError{Stage: "connect", cause: err}
	}
	return c, nil
}

// dial opens the network connection for the library.
func (c *connection) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if c.server.tls == implicit {
		conn, err = (&tls.Dialer{Config: &tls.Config{ServerName: c.server.host, MinVersion: tls.VersionTLS12}}).DialContext(ctx, network, address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	c.conn = conn
	c.bind(c.ctx)
	return conn, nil
}

// bind closes the connection when ctx ends.
func (c *connection) bind(ctx context.Context) {
	c.unbind = context.AfterFunc(ctx, func() { _ = c.conn.Close() })
}

// isOpen reports whether the server still accepts commands.
func (c *connection) isOpen() bool {
	if time.Since(c.usedAt) > maxIdle {
		return false
	}
	return c.session.UpdateDeadline(checkTimeout) == nil && c.session.Noop() == nil
}

// release ends the use by a mail. It reports whether another mail may use the connection.
func (c *connection) release() bool {
	c.usedAt = time.Now()
	return c.unbind()
}

// close closes the connection, which may be closed already.
func (c *connection) close() {
	if c.conn != nil {
		c.unbind()
		_ = c.conn.Close()
	}
}
