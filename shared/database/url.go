package database

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const urlForm = "mysql://user:password@host:3306/database"

// URL is the address and login of a database. Its password is masked when it is printed,
// logged or encoded; string(u) is the actual value.
type URL string

// String returns u with *** for its password.
func (u URL) String() string {
	if u == "" {
		return ""
	}
	cfg, err := ParseURL(string(u))
	if err != nil {
		return "***"
	}
	password := ""
	if cfg.Passwd != "" {
		password = ":***"
	}
	address := cfg.Addr
	if cfg.Net != "tcp" {
		address = cfg.Net + "(" + cfg.Addr + ")"
	}
	return "mysql://" + cfg.User + password + "@" + address + "/" + cfg.DBName
}

// Format masks u for every verb of package fmt, including %#v and %q.
func (u URL) Format(s fmt.State, _ rune) {
	// fmt ignores errors of State.Write.
	_, _ = io.WriteString(s, u.String())
}

// LogValue masks u in log/slog.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText masks u in JSON and other encodings.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// ParseURL parses a mysql:// URL or a go-sql-driver DSN and adds the settings of every
// connection of Souk. The database name may be empty. The query of a URL may have the
// driver's parameters, and socket=/path for a Unix socket. Its errors do not quote raw, which
// contains the password.
func ParseURL(raw string) (*mysql.Config, error) {
	cfg, err := parseAny(strings.TrimSpace(raw))
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	return withDriverSettings(cfg), nil
}

func parseAny(raw string) (*mysql.Config, error) {
	if raw == "" {
		return nil, errors.New("it is empty; want " + urlForm)
	}
	scheme, _, hasScheme := strings.Cut(raw, "://")
	switch {
	case !hasScheme || strings.ContainsAny(scheme, ":@/("):
		return parseDSN(raw)
	case scheme != "mysql":
		return nil, fmt.Errorf("its scheme is %q; Souk needs a MySQL or MariaDB server: %s", scheme, urlForm)
	}
	u, err := url.Parse(raw)
	if err != nil {
		// url.Parse quotes the part that it cannot parse, which is often the password.
		return nil, errors.New("it cannot be read as " + urlForm +
			"; in user and password, write @ : / ? # % as %40 %3A %2F %3F %23 %25")
	}
	return fromURL(u)
}

func fromURL(u *url.URL) (*mysql.Config, error) {
	if u.User.Username() == "" {
		return nil, errors.New("it names no user; want " + urlForm)
	}
	name := strings.TrimPrefix(u.Path, "/")
	if strings.Contains(name, "/") {
		return nil, errors.New("its path has more than a database name; want " + urlForm)
	}
	query := u.Query()
	socket := query.Get("socket")
	query.Del("socket")
	if u.Hostname() == "" && socket == "" {
		return nil, errors.New("it names no host; want " + urlForm)
	}

	cfg := mysql.NewConfig()
	if encoded := query.Encode(); encoded != "" {
		withParams, err := parseDSN("/?" + encoded)
		if err != nil {
			return nil, err
		}
		cfg = withParams
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.DBName = name
	cfg.Net, cfg.Addr = "unix", socket
	if socket == "" {
		port := u.Port()
		if port == "" {
			port = "3306"
		}
		cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(u.Hostname(), port)
	}
	return cfg, nil
}

// parseDSN returns only those of the driver's messages that are fixed texts: the others quote
// parts of the DSN.
func parseDSN(dsn string) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(dsn)
	switch {
	case err == nil:
		return cfg, nil
	case strings.HasPrefix(err.Error(), "invalid DSN: "):
		return nil, fmt.Errorf("%w; want %s or user:password@tcp(host:3306)/database", err, urlForm)
	default:
		return nil, errors.New("it, or one of its parameters, cannot be read; want " + urlForm +
			" or user:password@tcp(host:3306)/database")
	}
}

// FormatURL returns the mysql:// URL of cfg's address, login and database name. It is the
// inverse of ParseURL for these, and contains the password.
func FormatURL(cfg *mysql.Config) URL {
	u := url.URL{Scheme: "mysql", User: url.User(cfg.User), Host: cfg.Addr, Path: "/" + cfg.DBName}
	if cfg.Passwd != "" {
		u.User = url.UserPassword(cfg.User, cfg.Passwd)
	}
	query := url.Values{}
	if cfg.Net == "unix" {
		u.Host = ""
		query.Set("socket", cfg.Addr)
	}
	if cfg.TLSConfig != "" {
		query.Set("tls", cfg.TLSConfig)
	}
	u.RawQuery = query.Encode()
	return URL(u.String())
}
