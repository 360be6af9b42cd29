//go:build !linux

package mysql

import "syscall"

// groupAttributes protects the server, which is stopped last, from a terminal's Ctrl-C. The
// server of a souk that was killed runs until the next start stops it.
func groupAttributes(syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
