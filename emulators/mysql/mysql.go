// Package mysql finds or starts a real MySQL or MariaDB server.
//
// It uses, in this order: the server of a URL, a mysqld or mariadbd of the machine, a
// Docker engine, or the system's package manager. It has no fake: the embeddable Go engines
// ignore FOR UPDATE and lose updates.
package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"souk/shared/database"
)

// Options configures the server and the folder of a private one.
type Options struct {
	// StateDir is the folder for persistent files; a private server's data is in
	// StateDir/mysql. Two servers cannot share it at the same time.
	StateDir string
	// URL is an existing server to use, such as mysql://root:…@host:3306/. Its user must be
	// able to create databases and users.
	URL database.URL
	// Binary is the mysqld or mariadbd to run; empty means to search for one.
	Binary string
	// Throwaway trades durability for speed, for data that is deleted with the command that
	// uses it. Committed data may be lost if the server is killed.
	Throwaway bool
	// Durable syncs the binary log and the redo log at each commit, as Cloud SQL does, and gives
	// the server memory for large data sets. It is for measurements, and overrides Throwaway.
	Durable bool
	// Supervise restarts a private server with the same data and port after its process has
	// ended without Stop.
	Supervise bool
	// Logger receives a warning for every restart. Nil discards them.
	Logger *slog.Logger
	// ServerID is for a server that replicates, or is replicated from: it has a binary log
	// and this number, which no other has. Zero is neither.
	ServerID int
	// NoInstall disables installing a server with the package manager.
	NoInstall bool
	// Progress receives a line for each step of a long Start.
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
	// Version is the version reported by the server, such as 9.7.4 or 10.11.19-MariaDB.
	Version string
	// Private is set if Start started the server. Stop then stops it.
	Private bool
	// From is a short text about the origin of the server.
	From string

	adminURL database.URL
	done     <-chan struct{}
	stop     func(ctx context.Context) error
	// supervisor is nil for a server that is not supervised.
	supervisor *supervisor
}

// AdminURL returns a URL without a database, for a user who may create databases and users.
func (s *Server) AdminURL() database.URL { return s.adminURL }

// Done returns a channel that is closed when a private server has ended: its process or,
// with supervision, the attempts to restart it. For other servers it is nil, which blocks
// forever.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns why a supervised server ended, once Done is closed. It is nil after Stop.
func (s *Server) Err() error {
	if s.supervisor == nil {
		return nil
	}
	return s.supervisor.err
}

// Stop shuts a private server down and waits for it. If ctx is done first, it kills the
// server, which recovers its data on the next start. It has no effect on other servers.
func (s *Server) Stop(ctx context.Context) error {
	if s.stop == nil {
		return nil
	}
	return s.stop(ctx)
}

// ErrNoServer is returned if no server is found and none can be installed.
var ErrNoServer = errors.New("no MySQL or MariaDB server available")

const noServerAdvice = `: do one of these and try again
  - install a server: apt-get install mariadb-server-core mariadb-client-core, brew install mysql, dnf install mariadb-server …
  - start Docker
  - set DATABASE_URL to a server of yours: mysql://root:password@127.0.0.1:3306/`

// Start finds or starts a server and returns when it is ready: after about a second with
// existing data, several seconds for the first time.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.URL != "" {
		return useURL(ctx, o)
	}
	if o.StateDir == "" {
		return nil, errors.New("start a database server: StateDir is required")
	}
	dir, err := filepath.Abs(filepath.Join(o.StateDir, "mysql"))
	if err != nil {
		return nil, fmt.Errorf("start a database server: %w", err)
	}

	program, err := findProgram(ctx, o, readMaker(dir))
	if err == nil {
		return startPrivate(ctx, o, dir, program)
	}
	if !errors.Is(err, ErrNoServer) {
		return nil, err
	}
	if dockerAvailable(ctx) {
		return startInDocker(ctx, o, dir)
	}
	if o.NoInstall || !canInstall() {
		return nil, fmt.Errorf("%w%s", ErrNoServer, noServerAdvice)
	}
	if err := install(ctx, o); err != nil {
		return nil, fmt.Errorf("%w, and installing one failed: %w%s", ErrNoServer, err, noServerAdvice)
	}
	program, err = findProgram(ctx, o, readMaker(dir))
	if err != nil {
		return nil, err
	}
	return startPrivate(ctx, o, dir, program)
}
