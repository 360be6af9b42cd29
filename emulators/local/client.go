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

// ErrNotRunning says that no system runs in a state directory.
var ErrNotRunning = errors.New("no system runs")

// lockPoll is how often Stop looks whether the system is gone.
const lockPoll = 20 * time.Millisecond

// Client speaks with the system that runs in a state directory.
type Client struct {
	dir    string
	holder holder
	http   *http.Client
}

// Connect finds the system of a state directory. Its error is ErrNotRunning,
// wrapped, when there is none.
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

// findHolder reads who holds the lock. That the lock is held proves that the
// process is the one that wrote its id there, and not a later one of that id.
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
		return holder{}, fmt.Errorf("look at the lock of %s: %w", stateDir, err)
	}
	h, err := readHolder(lock)
	if err != nil {
		return holder{}, advise(err, "A system is just starting or stopping in %s: try again in a moment.", stateDir)
	}
	return h, nil
}

// PID is the process id of the system.
func (c *Client) PID() int { return c.holder.PID }

// Status returns the system as it runs now.
func (c *Client) Status(ctx context.Context) (Status, error) {
	a, err := c.ask(ctx, http.MethodGet, "/status")
	if err != nil {
		return Status{}, err
	}
	return *a.Status, nil
}

// RunSchedule calls a scheduled function now, whatever its schedule.
func (c *Client) RunSchedule(ctx context.Context, function string) error {
	_, err := c.ask(ctx, http.MethodPost, "/schedules/"+url.PathEscape(function))
	return err
}

func (c *Client) ask(ctx context.Context, method, path string) (answer, error) {
	var a answer
	request, err := http.NewRequestWithContext(ctx, method, "http://souk"+path, http.NoBody)
	if err != nil {
		return a, fmt.Errorf("ask the system in %s: %w", c.dir, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return a, fmt.Errorf("ask the system in %s (process %d): %w", c.dir, c.holder.PID, err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("read the answer of the system in %s: %w", c.dir, err)
	}
	switch {
	case a.Error != "":
		return a, errors.New(a.Error)
	case method == http.MethodGet && a.Status == nil:
		return a, fmt.Errorf("the system in %s answered nothing: it is of another version", c.dir)
	}
	return a, nil
}

// Stop asks the system to stop, as Ctrl-C does, and waits until it is gone or ctx
// ends. Called again, it makes the system stop at once.
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
