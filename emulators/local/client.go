//go:build !container

package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNotRunning is returned if no system runs in a state directory.
var ErrNotRunning = errors.New("no system runs")

// Client is a client of the system that runs in a state directory.
type Client struct {
	dir    string
	holder holder
	http   *http.Client
}

// Connect returns a client of the system in a state directory. The error wraps
// ErrNotRunning if none runs.
func Connect(stateDir string) (*Client, error) {
	h, err := findHolder(stateDir)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", h.Control)
	}
	return &Client{dir: stateDir, holder: h, http: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
	}}, nil
}

// findHolder reads the process that holds the lock. The lock proves that the process in the
// file is still running and the id has not been reused.
func findHolder(stateDir string) (holder, error) {
	notRunning := advise(fmt.Errorf("%w in %s", ErrNotRunning, stateDir),
		"Start one with: make up (or souk up), with the same --state-dir.")
	lock, err := os.Open(filepath.Join(stateDir, lockFile))
	if errors.Is(err, os.ErrNotExist) {
		return holder{}, notRunning
	}
	if err != nil {
		return holder{}, fmt.Errorf("open the lock of %s: %w", stateDir, err)
	}
	defer lock.Close()
	switch err := unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
	case err == nil:
		return holder{}, notRunning
	case !errors.Is(err, unix.EWOULDBLOCK):
		return holder{}, fmt.Errorf("check the lock of %s: %w", stateDir, err)
	}
	h, err := readHolder(lock)
	if err != nil {
		return holder{}, advise(err, "A system is starting or stopping in %s: try again in a moment.", stateDir)
	}
	return h, nil
}

// PID returns the process id of the system.
func (c *Client) PID() int { return c.holder.PID }

// Status returns the current state of the system.
func (c *Client) Status(ctx context.Context) (Status, error) {
	reply, err := c.do(ctx, http.MethodGet, "/status")
	if err != nil {
		return Status{}, err
	}
	return *reply.Status, nil
}

// RunSchedule calls a scheduled function now, regardless of its schedule.
func (c *Client) RunSchedule(ctx context.Context, function string) error {
	_, err := c.do(ctx, http.MethodPost, "/schedules/"+url.PathEscape(function))
	return err
}

// Customers creates accounts for a load test, as System.Customers does.
func (c *Client) Customers(ctx context.Context, count int) ([]string, error) {
	reply, err := c.do(ctx, http.MethodPost, fmt.Sprintf("/customers/%d", count))
	return reply.Customers, err
}

// do sends a request to the control socket.
func (c *Client) do(ctx context.Context, method, path string) (reply, error) {
	var got reply
	request, err := http.NewRequestWithContext(ctx, method, "http://souk"+path, http.NoBody)
	if err != nil {
		return got, fmt.Errorf("request to the system in %s: %w", c.dir, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return got, fmt.Errorf("request to the system in %s (process %d): %w", c.dir, c.holder.PID, err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		return got, fmt.Errorf("decode the reply of the system in %s: %w", c.dir, err)
	}
	switch {
	case got.Error != "":
		return got, errors.New(got.Error)
	case method == http.MethodGet && got.Status == nil:
		return got, fmt.Errorf("the reply of the system in %s has no status: the system has another version", c.dir)
	}
	return got, nil
}

// Stop requests the system to stop, like Ctrl-C, and waits until it has ended or ctx is
// done. A second call makes the system stop at once.
func (c *Client) Stop(ctx context.Context) error {
	if err := syscall.Kill(c.holder.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop process %d: %w", c.holder.PID, err)
	}
	poll := time.NewTicker(lockPoll)
	defer poll.Stop()
	for {
		h, err := findHolder(c.dir)
		if errors.Is(err, ErrNotRunning) || err == nil && h.PID != c.holder.PID {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for process %d to stop: %w", c.holder.PID, ctx.Err())
		}
	}
}
