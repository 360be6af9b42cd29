package cloudrun

import (
	"os/exec"
	"runtime"
)

// forker starts all processes from one operating system thread that exists as long as the
// platform. The kernel kills instances when their parent dies, so that none survives a kill
// of this process; but for the kernel the parent is the thread that forked, not the process
// (prctl(2), PR_SET_PDEATHSIG), and Go may end threads at any time.
type forker struct {
	forks chan func()
	ended chan struct{}
}

func newForker() *forker {
	f := &forker{forks: make(chan func()), ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for fork := range f.forks {
			fork()
		}
	}()
	return f
}

func (f *forker) start(cmd *exec.Cmd) error {
	started := make(chan error)
	f.forks <- func() { started <- cmd.Start() }
	return <-started
}

// close ends the thread, which kills all of its processes that still run.
func (f *forker) close() {
	close(f.forks)
	<-f.ended
}
