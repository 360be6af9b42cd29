package mysql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"souk/shared/database"
)

// Files of a private server, in StateDir/mysql.
const (
	dataFolder   = "data"          // the server's data
	tmpFolder    = "tmp"           // the server's temporary files
	lockFile     = "lock"          // locked by the souk that runs the server
	stateFile    = "server.json"   // port and process of the last run
	passwordFile = "root-password" // of the user souk, mode 0600
	initFile     = "init.sql"      // run by the server at each start, mode 0600
	logFile      = "error.log"     // of the last start
	initLogFile  = "init.log"      // of the initialization of the data folder

	previousLogFile = logFile + ".1" // of the previous start
)

const (
	adminUser = "souk_admin"
	// readyTimeout covers recovery after a crash; a normal start takes a second.
	readyTimeout = 90 * time.Second
	// stopTimeout is how long a server may take to shut down before it is killed.
	stopTimeout = 30 * time.Second
	portTries   = 3
)

// instance is the folder of a private server with the state of its last run.
type instance struct {
	dir     string
	program program
	options Options
	state   state
}

// state is the content of stateFile.
type state struct {
	Port int `json:"port"`
	PID  int `json:"pid,omitempty"`
}

// errPortTaken is returned if the chosen port was taken before the server used it.
var errPortTaken = errors.New("the port is in use")

// startPrivate runs p with the data in dir, which it creates if it is missing.
func startPrivate(ctx context.Context, o Options, dir string, p program) (*Server, error) {
	what := fmt.Sprintf("start %s in %s", p, dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	unlock, err := lock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if err := checkSpace(dir); err != nil {
		unlock()
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	in := &instance{dir: dir, program: p, options: o}
	server, err := in.start(ctx)
	if err != nil {
		unlock()
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	stop := server.stop
	server.stop = func(ctx context.Context) error {
		defer unlock()
		return stop(ctx)
	}
	return server, nil
}

func (in *instance) start(ctx context.Context) (*Server, error) {
	in.readState()
	if err := in.stopOrphan(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(in.path(tmpFolder), 0o700); err != nil {
		return nil, err
	}
	if err := in.initialize(ctx); err != nil {
		return nil, err
	}
	password, err := in.password()
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		proc, err := in.startOnce(ctx, password)
		if errors.Is(err, errPortTaken) && try < portTries {
			in.state.Port = 0
			continue
		}
		if err != nil {
			return nil, err
		}
		return in.newServer(proc, password), nil
	}
}

// newServer returns a new Server for a process.
func (in *instance) newServer(proc *process, password string) *Server {
	server := &Server{
		Kind: in.program.kind, Version: in.program.version, Private: true,
		From: in.program.path, adminURL: in.adminURL(password), done: proc.done,
		stop: func(ctx context.Context) error { return in.stop(ctx, proc) },
	}
	if in.options.Supervise {
		server.supervisor = supervise(in, proc, password)
		server.done, server.stop = server.supervisor.done, server.supervisor.stop
	}
	return server
}

func (in *instance) adminURL(password string) database.URL {
	return database.URL(fmt.Sprintf("mysql://%s:%s@127.0.0.1:%d/", adminUser, password, in.state.Port))
}

// stop ends a process of the server.
func (in *instance) stop(ctx context.Context, proc *process) error {
	if err := proc.stop(ctx); err != nil {
		return err
	}
	in.state.PID = 0
	return in.writeState()
}

// startOnce starts a process of the server on the port of the last run, if that is free,
// and returns it when it accepts statements.
func (in *instance) startOnce(ctx context.Context, password string) (*process, error) {
	port, err := choosePort(ctx, in.state.Port)
	if err != nil {
		return nil, err
	}
	in.state.Port = port
	return in.startOnPort(ctx, password)
}

func (in *instance) startOnPort(ctx context.Context, password string) (*process, error) {
	// The log of the last run may contain the reason why it ended.
	if err := os.Rename(in.path(logFile), in.path(previousLogFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	proc, err := run(in.program.path, in.arguments(), in.path(logFile), syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	in.state.PID = proc.pid
	if err := in.writeState(); err != nil {
		return nil, errors.Join(err, proc.stop(ctx))
	}
	if err := in.waitReady(ctx, in.adminURL(password), proc); err != nil {
		// ctx may be done; the process must be stopped nevertheless.
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return nil, errors.Join(err, in.stop(stopCtx, proc))
	}
	return proc, nil
}

// waitReady waits until the server responds and is the one that was started.
func (in *instance) waitReady(ctx context.Context, url database.URL, proc *process) error {
	admin, err := openAdmin(url)
	if err != nil {
		return err
	}
	defer admin.Close()
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	reported := false
	for {
		var dir string
		err := admin.QueryRowContext(ctx, `SELECT @@datadir`).Scan(&dir)
		if err == nil && filepath.Clean(dir) != in.path(dataFolder) {
			return fmt.Errorf("another server, with its data in %s, responds on port %d", dir, in.state.Port)
		}
		if err == nil {
			return nil
		}
		if !reported && time.Since(began) > 5*time.Second {
			reported = true
			in.options.progress("Still waiting for %s; it may be recovering its data after a crash", in.program)
		}
		select {
		case <-proc.done:
			return in.explain(fmt.Errorf("the server ended (%s)", proc.result()))
		case <-ctx.Done():
			return in.explain(fmt.Errorf("the server does not respond: %w; %w", context.Cause(ctx), err))
		case <-tick.C:
		}
	}
}

func (in *instance) path(name string) string { return filepath.Join(in.dir, name) }

// readState reads stateFile. Without a readable file it uses the zero state: it only
// contains a preferred port and the process to search for.
func (in *instance) readState() {
	raw, err := os.ReadFile(in.path(stateFile))
	if err != nil || json.Unmarshal(raw, &in.state) != nil {
		in.state = state{}
	}
}

func (in *instance) writeState() error {
	raw, err := json.Marshal(in.state)
	if err != nil {
		return err
	}
	return writeFile(in.path(stateFile), string(raw)+"\n")
}

// password returns the administrator's password, which is generated with the data and
// stored beside it. The server reads it at each start from the init file.
func (in *instance) password() (string, error) {
	raw, err := os.ReadFile(in.path(passwordFile))
	password := strings.TrimSpace(string(raw))
	if errors.Is(err, os.ErrNotExist) || (err == nil && !passwordPattern.MatchString(password)) {
		password = NewPassword()
		err = writeFile(in.path(passwordFile), password+"\n")
	}
	if err != nil {
		return "", fmt.Errorf("store the administrator's password: %w", err)
	}
	return password, writeFile(in.path(initFile), initSQL(password))
}

// writeFile replaces a file atomically, readable by its owner only.
func writeFile(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// choosePort returns the port of the last run if it is free, so that URLs stay valid, and
// otherwise any free one.
func choosePort(ctx context.Context, last int) (int, error) {
	for _, port := range []int{last, 0} {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		port = listener.Addr().(*net.TCPAddr).Port
		return port, listener.Close()
	}
	return 0, errors.New("no free port on 127.0.0.1")
}
