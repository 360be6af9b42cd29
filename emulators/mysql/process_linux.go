package mysql

import "syscall"

// groupAttributes keep a terminal's Ctrl-C from the server, which is stopped
// last, and have the system signal it when this process dies, were it by kill -9.
func groupAttributes(onDeath syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: onDeath}
}
