// Package mail sends e-mail by SMTP (RFC 5321): rendered from templates as text
// and HTML, to one recipient at a time.
//
// Errors do not contain addresses, tokens or texts, only the stage of SMTP that failed
// and the code of the server's reply.
package mail

import (
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"

	"souk/shared/config"
)

// Config selects the mail server and the sender.
type Config struct {
	// URL is the server: smtp://user:password@host:587, or smtps:// for TLS from
	// the first byte on. smtp:// starts TLS with STARTTLS and refuses a server that
	// does not offer it, unless the server is on this machine. ?starttls= overrides
	// that: required, opportunistic or never.
	URL config.Secret `env:"SMTP_URL"`
	// From is the sender, such as: Souk <shop@example.com>.
	From string `env:"MAIL_FROM"`
	// Connections is how many mails are sent at the same time, each over a connection of
	// its own: 20, as many as the functions that send get requests (functions.yaml). It
	// is lower for a server that takes fewer from one client.
	Connections int `env:"MAIL_CONNECTIONS"`
}

// DefaultConnections is Config.Connections where it is not set.
const DefaultConnections = 20

// server is a parsed SMTP_URL.
type server struct {
	host           string
	port           int
	user, password string
	tls            security
}

// security selects when a connection becomes encrypted.
type security string

const (
	implicit      security = "implicit" // from the first byte on
	required      security = "required" // by STARTTLS, else sending fails
	opportunistic security = "opportunistic"
	never         security = "never"
)

// The ports of submission: RFC 6409 and RFC 8314.
const (
	submissionPort  = 587
	submissionsPort = 465
)

// parse parses the settings. Its error names every invalid setting without its value,
// because the URL contains a password.
func (c Config) parse() (server, *netmail.Address, error) {
	var errs []error
	s, err := parseURL(c.URL.Reveal())
	if err != nil {
		errs = append(errs, fmt.Errorf("SMTP_URL: %w", err))
	}
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		errs = append(errs, errors.New(`MAIL_FROM must be an address, such as "Souk <shop@example.com>"`))
	}
	if c.Connections < 0 {
		errs = append(errs, fmt.Errorf("MAIL_CONNECTIONS is %d; it must not be negative", c.Connections))
	}
	return s, from, errors.Join(errs...)
}

func parseURL(text string) (server, error) {
	if text == "" {
		return server{}, errors.New("is not set: expected smtp://user:password@host:587")
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return server{}, errors.New("is not the URL of a mail server: expected smtp://user:password@host:587")
	}
	s := server{host: u.Hostname(), user: u.User.Username()}
	s.password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		s.port, s.tls = submissionPort, required
		if isLocal(s.host) {
			s.tls = opportunistic
		}
	case "smtps":
		s.port, s.tls = submissionsPort, implicit
	default:
		return server{}, errors.New("must begin with smtp:// or smtps://")
	}
	if u.Port() != "" {
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return server{}, errors.New("has an invalid port")
		}
	}
	return s, s.apply(u.Query())
}

// apply applies the query of the URL.
func (s *server) apply(query url.Values) error {
	for name, values := range query {
		if name != "starttls" || len(values) != 1 || s.tls == implicit {
			return errors.New("may have ?starttls= once, with smtp://, and no other parameter")
		}
		switch security(values[0]) {
		case required, opportunistic, never:
			s.tls = security(values[0])
		default:
			return errors.New("has an unknown starttls: expected required, opportunistic or never")
		}
	}
	return nil
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
