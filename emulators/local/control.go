package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	controlSocket = "control.sock"
	// maxSocketPath is what a Unix socket's address has room for on every system:
	// sun_path has 104 bytes on some, with its final zero.
	maxSocketPath = 103

	controlTimeout = 10 * time.Second
)

// control answers the other commands of souk, through a socket that only the
// system's owner can open.
type control struct {
	server   *http.Server
	listener net.Listener
	served   chan error
	// folder is the socket's own, where the state directory's path is too long.
	folder string
}

// startControl serves a handler on the socket of a state directory.
func startControl(ctx context.Context, s *state, handler http.Handler, log *slog.Logger) (*control, error) {
	c := &control{served: make(chan error, 1)}
	path := s.file(controlSocket)
	if len(path) > maxSocketPath {
		folder, err := os.MkdirTemp("", "souk-") // mode 0700
		if err != nil {
			return nil, fmt.Errorf("make a folder for the control socket: %w", err)
		}
		c.folder, path = folder, filepath.Join(folder, controlSocket)
	}
	// A system that was killed leaves its socket; the lock says that it is gone.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove an old control socket: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	// The folder around it is ours alone already, or was made by somebody else.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("close the control socket to others: %w", err), listener.Close())
	}
	c.listener = listener
	c.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: controlTimeout, ReadTimeout: controlTimeout, WriteTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() { c.served <- c.server.Serve(listener) }()
	return c, s.announce(holder{PID: os.Getpid(), Control: path})
}

func (c *control) stop(ctx context.Context) error {
	err := c.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, c.server.Close())
	}
	<-c.served
	if c.folder != "" {
		err = errors.Join(err, os.RemoveAll(c.folder))
	}
	return err
}

var errNotReady = errors.New("the system is still starting, or already stopping: try again in a moment")

// answer is what the control socket says: one of Status and Error.
type answer struct {
	Status *Status `json:"status,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// controlHandler answers for a system.
func (s *System) controlHandler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(r *http.Request) (answer, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			code, a, err := http.StatusOK, answer{}, errNotReady
			if s.ready.Load() {
				a, err = do(r)
			}
			if err != nil {
				code, a = http.StatusConflict, answer{Error: err.Error()}
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			if err := json.NewEncoder(w).Encode(a); err != nil {
				s.log.Warn("answer on the control socket", "error", err)
			}
		})
	}
	handle("GET /status", func(*http.Request) (answer, error) {
		status := s.Status()
		return answer{Status: &status}, nil
	})
	handle("POST /schedules/{function}", func(r *http.Request) (answer, error) {
		return answer{}, s.scheduler.Run(r.Context(), r.PathValue("function"))
	})
	return mux
}
