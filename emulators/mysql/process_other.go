//go:build !linux

package mysql

import "syscall"

// serverAttributes keep a terminal's Ctrl-C from the server, which is stopped
// last. A server whose souk was killed goes on until the next start ends it.
func serverAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
