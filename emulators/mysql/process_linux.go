package mysql

import "syscall"

// groupAttributes protects the server, which is stopped last, from a terminal's Ctrl-C, and
// makes the system signal it when this process dies, even by kill -9.
func groupAttributes(onDeath syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: onDeath}
}
