package cloudrun

import (
	"errors"
	"fmt"
	"syscall"
)

// processAttributes puts an instance into its own process group, so that a terminal's
// Ctrl-C reaches only this process, which then drains the instances. The kernel kills the
// instance when this process dies unexpectedly (see forker).
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// reservation holds a port for a process that will listen on it. The socket is bound, but
// does not listen: with SO_REUSEADDR on both sides, which Go's listeners set, Linux lets the
// process bind the same port and listen, but does not assign the port to any other socket,
// neither for listening nor for connecting.
type reservation struct {
	number int
	socket int
}

func reservePort() (*reservation, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	number, err := bindAny(socket)
	if err != nil {
		return nil, errors.Join(err, syscall.Close(socket))
	}
	return &reservation{number: number, socket: socket}, nil
}

func bindAny(socket int) (int, error) {
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, fmt.Errorf("set SO_REUSEADDR: %w", err)
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, fmt.Errorf("bind a port of 127.0.0.1: %w", err)
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		return 0, fmt.Errorf("read the bound port: %w", err)
	}
	inet4, ok := bound.(*syscall.SockaddrInet4)
	if !ok {
		return 0, fmt.Errorf("read the bound port: unexpected address %T", bound)
	}
	return inet4.Port, nil
}

func (r *reservation) release() error { return syscall.Close(r.socket) }
