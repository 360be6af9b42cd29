package cloudrun

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestInstancesDieWithUs(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), parentVariable+"="+mustBinDir(t))
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = parent.Wait() }) // it was killed, so Wait returns an error
	t.Cleanup(func() { _ = parent.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var environment []string
	if err := json.Unmarshal(line, &environment); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(environment, func(pair string) bool { return strings.HasPrefix(pair, "PORT=") })
	child, err := net.Dial("tcp", "127.0.0.1:"+strings.TrimPrefix(environment[at], "PORT="))
	if err != nil {
		t.Fatalf("connect to the instance: %v", err)
	}
	defer child.Close()
	mustKill(t, parent.Process.Pid, syscall.SIGKILL)
	if err := child.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// The instance sends no data by itself: a read returns only when it has ended.
	if n, err := child.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the instance survived its parent: read %d, %v", n, err)
	}
}

func TestInstancesOutliveTheThreadThatAskedForThem(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
	cmd := exec.Command(p.options.BinDir + "/greeter")
	cmd.Env = []string{"K_SERVICE=hello", childVariable + "=deaf"}
	cmd.SysProcAttr = processAttributes()
	tid := onThreadThatEnds(func() {
		if err := p.forks.start(cmd); err != nil {
			t.Error(err)
		}
	})
	waitUntil(t, "the thread has ended", func() bool {
		_, err := os.Stat("/proc/self/task/" + strconv.Itoa(tid))
		return os.IsNotExist(err)
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: terminated" {
		t.Errorf("exit = %v, want signal: terminated", err)
	}
}

// onThreadThatEnds runs work on a thread that ends right after, and returns its id. The main
// thread can't end, so it is held as long as the goroutine runs on it.
func onThreadThatEnds(work func()) (tid int) {
	ran := make(chan int)
	go func() {
		runtime.LockOSThread()
		if syscall.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			ran <- onThreadThatEnds(work)
			return
		}
		work()
		ran <- syscall.Gettid() // never unlocked: the thread ends with the goroutine
	}()
	return <-ran
}

func TestInstancesHaveTheirOwnProcessGroup(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
	pid := p.mustPID(t)
	group, err := syscall.Getpgid(pid)
	if err != nil || group != pid {
		t.Errorf("instance %d is in group %d, %v: a Ctrl-C would reach it", pid, group, err)
	}
}

func TestReservedPort(t *testing.T) {
	t.Parallel()
	port, err := reservePort()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := port.release(); err != nil {
			t.Error(err)
		}
	}()
	for _, host := range []string{"127.0.0.1", ""} {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port.number)))
		if err != nil {
			t.Errorf("listen on the reserved port, host %q: %v", host, err)
			continue
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}
