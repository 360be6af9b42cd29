package transport

import (
	"context"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// take returns an idle connection, or a new one.
func (h *Host) take(ctx context.Context) (*link, error) {
	for l := h.pop(); l != nil; l = h.pop() {
		if time.Since(l.idleAt) < idleTimeout && l.isOpen() {
			l.reused = true
			return l, nil
		}
		_ = l.Close()
	}
	return h.dial(ctx)
}

// dial returns a new connection.
func (h *Host) dial(ctx context.Context) (*link, error) {
	conn, err := h.dialer.DialContext(ctx, "tcp", h.address)
	if err != nil {
		return nil, err
	}
	return newLink(conn), nil
}

func (h *Host) pop() *link {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.idle) == 0 {
		return nil
	}
	last := len(h.idle) - 1
	l := h.idle[last]
	h.idle[last] = nil
	h.idle = h.idle[:last]
	return l
}

// put makes a connection idle.
func (h *Host) put(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.idle) == maxIdlePerHost {
		_ = l.Close()
		return
	}
	l.idleAt = time.Now()
	h.idle = append(h.idle, l)
	h.arm()
}

// arm lets the pruner run while there are idle connections.
func (h *Host) arm() {
	if !h.armed && len(h.idle) > 0 {
		h.armed = true
		h.pruner.Reset(idleTimeout)
	}
}

// prune closes connections that have been idle for idleTimeout.
func (h *Host) prune() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.idle) > 0 && time.Since(h.idle[0].idleAt) >= idleTimeout {
		_ = h.idle[0].Close()
		h.idle = h.idle[1:]
	}
	h.armed = false
	h.arm()
}

// CloseIdleConnections closes the idle connections.
func (h *Host) CloseIdleConnections() {
	for l := h.pop(); l != nil; l = h.pop() {
		_ = l.Close()
	}
	h.long.CloseIdleConnections()
}

// isOpen reports whether the server has neither closed an idle connection nor sent anything.
// It does not wait.
func (l *link) isOpen() bool {
	conn, ok := l.Conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := unix.Read(int(fd), b[:])
		open = err == unix.EAGAIN
		return true
	})
	return err == nil && open
}
