//go:build unix && !linux

package cloudrun

import (
	"fmt"
	"net"
	"syscall"
)

// processAttributes puts an instance into its own process group, so that a terminal's
// Ctrl-C reaches only this process, which then drains the instances. Only Linux can kill
// instances with their parent: on other systems they survive its SIGKILL.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// reservation is a port that was free a moment ago: only Linux can reserve it for the
// process.
type reservation struct{ number int }

func reservePort() (*reservation, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("bind a port of 127.0.0.1: %w", err)
	}
	number := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return nil, fmt.Errorf("release port %d: %w", number, err)
	}
	return &reservation{number: number}, nil
}

func (*reservation) release() error { return nil }
