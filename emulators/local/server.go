//go:build !container

package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"souk/emulators/mysql"
	"souk/shared/database"
)

// startDatabase finds a database server or starts one.
func (s *System) startDatabase(ctx context.Context) (string, error) {
	server, err := mysql.Start(ctx, mysql.Options{
		StateDir: s.state.path, URL: s.options.DatabaseURL, Progress: reportLines(s.options.Report),
		Supervise: true, Logger: s.log.With("part", "database"),
	})
	if err != nil {
		return "", err
	}
	s.server = server
	stopping := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-server.Done():
			s.fail(fmt.Errorf("the database server %s %s ended: %w", server.Kind, server.Version, server.Err()))
		case <-stopping:
		}
	}()
	s.started("database", func(ctx context.Context) error {
		close(stopping)
		<-watched
		return server.Stop(ctx)
	})
	return describe(server), s.lockDatabases(ctx)
}

// lockDatabases prevents other systems from using the same databases on an external server.
func (s *System) lockDatabases(ctx context.Context) error {
	if s.server.Private {
		return nil
	}
	prefix, err := Prefix(s.options.DatabaseURL)
	if err != nil {
		return err
	}
	lock, err := lockDatabases(ctx, s.server.AdminURL(), prefix, s.log.With("part", "database"), s.fail)
	if err != nil {
		return err
	}
	s.started("lock on the databases", func(context.Context) error { return lock.release() })
	return nil
}

// describe returns a text about a server and its origin.
func describe(server *mysql.Server) string {
	if server.Private {
		return fmt.Sprintf("%s %s, a private server (%s)", server.Kind, server.Version, server.From)
	}
	return fmt.Sprintf("%s %s, an external server (%s)", server.Kind, server.Version, server.From)
}

// reportLines returns a function that reports lines as progress of the database.
func reportLines(report func(Progress)) func(line string) {
	return func(line string) { report(Progress{Part: "database", Text: line}) }
}

// ThrowAway is a temporary database server: its data is deleted on Stop.
type ThrowAway struct {
	server *mysql.Server
	folder string
}

// StartThrowAway starts a temporary server. It is fast, unless durable is set: then each commit
// is synced to the disk, as in the cloud.
func StartThrowAway(ctx context.Context, durable bool, report func(Progress)) (*ThrowAway, error) {
	begin := time.Now()
	folder, err := os.MkdirTemp("", "souk-database-")
	if err != nil {
		return nil, fmt.Errorf("create a folder for the database: %w", err)
	}
	server, err := mysql.Start(ctx, mysql.Options{
		StateDir: folder, Throwaway: !durable, Durable: durable, Progress: reportLines(report),
	})
	if err != nil {
		return nil, errors.Join(explain(err, folder), os.RemoveAll(folder))
	}
	report(Progress{Part: "database", Text: describe(server), Took: time.Since(begin)})
	return &ThrowAway{server: server, folder: folder}, nil
}

// URL returns the URL of an account that may create databases.
func (t *ThrowAway) URL() database.URL { return t.server.AdminURL() }

// Stop stops the server and deletes its data.
func (t *ThrowAway) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	return errors.Join(t.server.Stop(ctx), os.RemoveAll(t.folder))
}
