//go:build !linux

package mysql

import "syscall"

// groupAttributes keep a terminal's Ctrl-C from the server, which is stopped
// last. A server whose souk was killed goes on until the next start ends it.
func groupAttributes(syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
