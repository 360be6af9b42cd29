// Package mail sends e-mail by SMTP (RFC 5321): rendered from templates as text
// and HTML, to one person at a time.
//
// Nothing here puts an address, a token or a text into an error: an error says how
// far the mail came and what number the server answered, and no more.
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

// Config says by which server mail is sent, and from whom.
type Config struct {
	// URL is the server: smtp://user:password@host:587, or smtps:// for TLS from
	// the first byte on. smtp:// begins TLS with STARTTLS, and sends nothing to a
	// server that offers none, unless that is this machine; ?starttls= says
	// otherwise: required, opportunistic or never.
	URL config.Secret `env:"SMTP_URL"`
	// From is the sender, such as: Souk <shop@example.com>.
	From string `env:"MAIL_FROM"`
}

// server is what an SMTP_URL says.
type server struct {
	host           string
	port           int
	user, password string
	tls            security
}

// security is when a connection becomes encrypted.
type security string

const (
	implicit      security = "implicit" // from the first byte on
	required      security = "required" // by STARTTLS, or nothing is sent
	opportunistic security = "opportunistic"
	never         security = "never"
)

// The ports of submission: RFC 6409 and RFC 8314.
const (
	submissionPort  = 587
	submissionsPort = 465
)

// parse reads the settings. Its error names every fault, and no value: the URL
// holds a password.
func (c Config) parse() (server, *netmail.Address, error) {
	var faults []error
	s, err := parseURL(c.URL.Reveal())
	if err != nil {
		faults = append(faults, fmt.Errorf("SMTP_URL: %w", err))
	}
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		faults = append(faults, errors.New(`MAIL_FROM must be an address, such as "Souk <shop@example.com>"`))
	}
	return s, from, errors.Join(faults...)
}

func parseURL(text string) (server, error) {
	if text == "" {
		return server{}, errors.New("is not set: expected smtp://user:password@host:587")
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return server{}, errors.New("is no URL of a mail server: expected smtp://user:password@host:587")
	}
	s := server{host: u.Hostname(), user: u.User.Username()}
	s.password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		s.port, s.tls = submissionPort, required
		if isThisMachine(s.host) {
			s.tls = opportunistic
		}
	case "smtps":
		s.port, s.tls = submissionsPort, implicit
	default:
		return server{}, errors.New("must begin with smtp:// or smtps://")
	}
	if u.Port() != "" {
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return server{}, errors.New("has a port that is none")
		}
	}
	return s, s.apply(u.Query())
}

// apply reads the part of the URL that says otherwise.
func (s *server) apply(query url.Values) error {
	for name, values := range query {
		if name != "starttls" || len(values) != 1 || s.tls == implicit {
			return errors.New("takes ?starttls= once, with smtp://, and nothing else")
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

func isThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
