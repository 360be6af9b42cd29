package cloudrun

import (
	"os/exec"
	"runtime"
)

// forker starts every process from one operating system thread that lives as
// long as the platform. Instances ask the kernel for SIGKILL when their parent
// dies, so that none is left over when we are killed; but to the kernel the
// parent is the thread that forked, not the process (prctl(2), PR_SET_PDEATHSIG),
// and Go ends threads as it likes.
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

// close ends the thread, and with it whatever it forked that still runs.
func (f *forker) close() {
	close(f.forks)
	<-f.ended
}
