package mysql

import "syscall"

// serverAttributes keep a terminal's Ctrl-C from the server, which is stopped
// last, and have the system stop it, orderly, when this process is killed.
func serverAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
