package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"souk/emulators/mysql"
	"souk/shared/database"
)

// bench has what all works share.
type bench struct {
	options options
	server  *mysql.Server
	admin   *database.DB
	// databasePID is the process of the server.
	databasePID int
	// sides are the commits that are measured: this one, and base if there is one.
	sides []side
	log   io.Writer
}

// measure measures works, and prints each when it is done.
func measure(ctx context.Context, o options, works []work, stdout io.Writer) (result report, err error) {
	temporary, err := os.MkdirTemp("", "souk-bench-")
	if err != nil {
		return report{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	b := &bench{options: o, log: os.Stderr}
	if b.sides, err = buildSides(ctx, o, temporary); err != nil {
		return report{}, err
	}
	if err := b.startServer(ctx); err != nil {
		return report{}, err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, b.admin.Close(), b.server.Stop(stopping))
	}()
	result = b.newReport(ctx)
	for _, w := range works {
		measured, err := b.measure(ctx, w)
		if err != nil {
			return report{}, fmt.Errorf("measure %s: %w", w.name, err)
		}
		result.Works = append(result.Works, measured)
		if err := measured.print(stdout); err != nil {
			return report{}, err
		}
	}
	return result, nil
}

func (b *bench) measure(ctx context.Context, w work) (result workResult, err error) {
	b.progress("%s: prepare", w.name)
	subjects, err := w.prepare(ctx, b)
	defer func() { err = errors.Join(err, stopAll(subjects)) }()
	if err != nil {
		return workResult{}, err
	}
	all, err := interleave(ctx, b.options.rounds, subjects, func(round int) {
		b.progress("%s: round %d of %d", w.name, round, b.options.rounds)
	})
	if err != nil {
		return workResult{}, err
	}
	return newWorkResult(w, all), nil
}

func (b *bench) progress(format string, args ...any) { fmt.Fprintf(b.log, format+"\n", args...) }

// startServer starts the durable database server, and deletes the databases of the last run
// except for the data sets.
func (b *bench) startServer(ctx context.Context) (err error) {
	b.server, err = mysql.Start(ctx, mysql.Options{
		StateDir: b.options.state, Durable: true, Progress: func(line string) { b.progress("%s", line) },
	})
	if err != nil {
		return err
	}
	if b.admin, err = database.Open(database.Config{URL: b.server.AdminURL() + "mysql", MaxOpenConns: 4}); err != nil {
		return errors.Join(err, b.server.Stop(ctx))
	}
	if err := b.reset(ctx); err != nil {
		return errors.Join(err, b.admin.Close(), b.server.Stop(ctx))
	}
	return nil
}

func (b *bench) reset(ctx context.Context) error {
	for _, prefix := range []string{souk, base, floor} {
		for _, service := range slices.Concat(services, []string{"reads"}) {
			if _, err := b.admin.ExecContext(ctx, "DROP DATABASE IF EXISTS "+prefix+"_"+service); err != nil {
				return fmt.Errorf("delete the databases of the last run: %w", err)
			}
		}
	}
	if _, err := b.admin.ExecContext(ctx, "PURGE BINARY LOGS BEFORE NOW()"); err != nil {
		return fmt.Errorf("delete old binary logs: %w", err)
	}
	var path, folder string
	if err := b.admin.SQL().QueryRowContext(ctx, `SELECT @@pid_file, @@datadir`).Scan(&path, &folder); err != nil {
		return fmt.Errorf("find the process of the database server: %w", err)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("find the process of the database server: %w", err)
	}
	b.databasePID, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return err
}

// meter returns a new meter of the server and a process of souk; 0 for none.
func (b *bench) meter(soukPID int) *meter {
	return &meter{db: b.admin.SQL(), databasePID: b.databasePID, soukPID: soukPID}
}

// open returns a pool on a database of the server.
func (b *bench) open(name string, connections int) (*sql.DB, database.URL, error) {
	url, err := mysql.DatabaseURL(b.server.AdminURL(), name)
	if err != nil {
		return nil, "", err
	}
	db, err := database.Open(database.Config{URL: url, MaxOpenConns: connections, StatementTimeout: time.Hour})
	if err != nil {
		return nil, "", err
	}
	return db.SQL(), url, nil
}

func (b *bench) newReport(ctx context.Context) report {
	commit, err := git(ctx, b.options.root, "rev-parse", "--short", "HEAD")
	if err != nil {
		commit = "unknown"
	}
	return report{
		Time: time.Now().UTC().Truncate(time.Second), Commit: commit, Base: b.options.base, Rounds: b.options.rounds,
		Seconds: b.options.round.Seconds(), Rows: b.options.rows,
		Machine: machine{
			CPUs: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
			Database: b.server.Kind + " " + b.server.Version,
		},
	}
}

func git(ctx context.Context, folder string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir = folder
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}
