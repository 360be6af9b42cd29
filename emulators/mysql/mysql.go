// Package mysql finds or starts a real MySQL or MariaDB server.
//
// In this order: the server of a URL, a mysqld or mariadbd on the machine, a
// Docker engine, the system's package manager. There is no fake at the end of
// the list: the embeddable Go engines ignore FOR UPDATE and lose updates.
package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"souk/shared/database"
)

// Options say which server to use and where a private one keeps its data.
type Options struct {
	// StateDir is the folder for what outlives a run; a private server's data is
	// in StateDir/mysql. Two servers cannot share one at the same time.
	StateDir string
	// URL is a server to use instead of starting one: mysql://root:…@host:3306/.
	// Its user must be able to create databases and users.
	URL database.URL
	// Binary is the mysqld or mariadbd to run; empty means to look for one.
	Binary string
	// Throwaway gives up durability for speed, for data that dies with the
	// command it is made for. What was committed may be lost if the server is
	// killed.
	Throwaway bool
	// Supervise starts a private server again, on the same data and port, when its
	// process has ended without Stop.
	Supervise bool
	// Logger gets a warning for every such end. nil logs nothing.
	Logger *slog.Logger
	// NoInstall forbids installing a server with the package manager.
	NoInstall bool
	// Progress is told what happens while Start takes its time, a line each.
	Progress func(line string)
}

func (o Options) progress(format string, args ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, args...))
	}
}

// Server is a running server.
type Server struct {
	// Kind is MySQL or MariaDB.
	Kind string
	// Version is the server's own, such as 9.7.4 or 10.11.19-MariaDB.
	Version string
	// Private says that Start started it, and that Stop stops it.
	Private bool
	// From says in a few words where the server came from, for people.
	From string

	adminURL database.URL
	done     <-chan struct{}
	stop     func(ctx context.Context) error
	// supervisor is nil for a server that is not supervised.
	supervisor *supervisor
}

// AdminURL logs in as a user who may create databases and users. It names no
// database.
func (s *Server) AdminURL() database.URL { return s.adminURL }

// Done is closed when a private server has ended for good: its process, or, of one
// that is supervised, the attempts to start it again. Of other servers it is nil,
// which blocks for ever.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns why a supervised server ended, once Done is closed; nil after Stop.
func (s *Server) Err() error {
	if s.supervisor == nil {
		return nil
	}
	return s.supervisor.err
}

// Stop has a private server shut down and waits for it; when ctx ends first, it
// kills the server, whose data is recovered with the next start. A server that
// Start has not started goes on.
func (s *Server) Stop(ctx context.Context) error {
	if s.stop == nil {
		return nil
	}
	return s.stop(ctx)
}

// ErrNoServer says that there is no server and no way to get one.
var ErrNoServer = errors.New("no MySQL or MariaDB server to be had")

const noServerAdvice = `: do one of these and try again
  - install a server: apt-get install mariadb-server-core mariadb-client-core, brew install mysql, dnf install mariadb-server …
  - start Docker
  - set DATABASE_URL to a server of yours: mysql://root:password@127.0.0.1:3306/`

// Start finds or starts a server and returns once it answers. With data in place
// that takes about a second, the first time several.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.URL != "" {
		return useURL(ctx, o)
	}
	if o.StateDir == "" {
		return nil, errors.New("start a database server: no folder is given for its data")
	}
	dir, err := filepath.Abs(filepath.Join(o.StateDir, "mysql"))
	if err != nil {
		return nil, fmt.Errorf("start a database server: %w", err)
	}

	program, err := findProgram(ctx, o, madeBy(dir))
	if err == nil {
		return startPrivate(ctx, o, dir, program)
	}
	if !errors.Is(err, ErrNoServer) {
		return nil, err
	}
	if dockerAnswers(ctx) {
		return startInDocker(ctx, o, dir)
	}
	if o.NoInstall || !canInstall() {
		return nil, fmt.Errorf("%w%s", ErrNoServer, noServerAdvice)
	}
	if err := install(ctx, o); err != nil {
		return nil, fmt.Errorf("%w, and installing one failed: %w%s", ErrNoServer, err, noServerAdvice)
	}
	program, err = findProgram(ctx, o, madeBy(dir))
	if err != nil {
		return nil, err
	}
	return startPrivate(ctx, o, dir, program)
}
