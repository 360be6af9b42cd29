//go:build !container

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
	"strconv"
	"time"
)

const (
	controlSocket = "control.sock"
	// maxSocketPath is the longest path of a Unix socket on all systems: sun_path has 104
	// bytes on some, including the final zero.
	maxSocketPath = 103

	controlTimeout = 10 * time.Second
)

// control serves the other commands of souk through a socket that only the system's owner
// can open.
type control struct {
	server   *http.Server
	listener net.Listener
	served   chan error
	// folder is a folder for the socket only, if the path of the state directory is too
	// long.
	folder string
}

// startControl serves a handler on the socket of a state directory.
func startControl(ctx context.Context, s *state, handler http.Handler, log *slog.Logger) (*control, error) {
	c := &control{served: make(chan error, 1)}
	path := s.file(controlSocket)
	if len(path) > maxSocketPath {
		folder, err := os.MkdirTemp("", "souk-") // mode 0700
		if err != nil {
			return nil, fmt.Errorf("create a folder for the control socket: %w", err)
		}
		c.folder, path = folder, filepath.Join(folder, controlSocket)
	}
	// The socket of a system that was killed remains; the lock proves that it is unused.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove an old control socket: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	// The folder may be accessible to others if it was not created by souk.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("restrict access to the control socket: %w", err), listener.Close())
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

var errNotReady = errors.New("the system is starting or stopping: try again in a moment")

// reply is the reply of the control socket: one of its members.
type reply struct {
	Status *Status `json:"status,omitempty"`
	// Customers are access tokens of new customers.
	Customers []string `json:"customers,omitempty"`
	Error     string   `json:"error,omitempty"`
}

// controlHandler returns the handler of the control socket.
func (s *System) controlHandler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(r *http.Request) (reply, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			code, body, err := http.StatusOK, reply{}, errNotReady
			if s.ready.Load() {
				body, err = do(r)
			}
			if err != nil {
				code, body = http.StatusConflict, reply{Error: err.Error()}
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			if err := json.NewEncoder(w).Encode(body); err != nil {
				s.log.Warn("write a reply on the control socket", "error", err)
			}
		})
	}
	handle("GET /status", func(*http.Request) (reply, error) {
		status := s.Status()
		return reply{Status: &status}, nil
	})
	handle("POST /schedules/{function}", func(r *http.Request) (reply, error) {
		return reply{}, s.scheduler.Run(r.Context(), r.PathValue("function"))
	})
	handle("POST /customers/{count}", func(r *http.Request) (reply, error) {
		count, err := strconv.Atoi(r.PathValue("count"))
		if err != nil {
			return reply{}, fmt.Errorf("create customers: %w", err)
		}
		tokens, err := s.Customers(r.Context(), count)
		return reply{Customers: tokens}, err
	})
	return mux
}
