package pubsub_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"souk/emulators/pubsub"
)

const (
	helperDir   = "SOUK_PUBSUB_TEST_DIR"
	helperLimit = "SOUK_PUBSUB_TEST_FILE_LIMIT"
)

// TestHelperBroker is not a test: it runs a broker in a separate process, which other
// tests start and kill.
func TestHelperBroker(t *testing.T) {
	dir := os.Getenv(helperDir)
	if dir == "" {
		t.Skip("this is the process that the durability tests kill")
	}
	if text := os.Getenv(helperLimit); text != "" {
		mustLimitFiles(t, text)
	}
	b, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("listening", b.Addr())
	select {}
}

// mustLimitFiles makes writes fail beyond a size, as on a full disk.
func mustLimitFiles(t *testing.T, size string) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(size, &limit.Cur); err != nil {
		t.Fatal(err)
	}
	// Without this, the signal kills the process before the write returns an error.
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
}

// mustStartProcess starts a broker in a separate process and returns its address and a
// function that kills it.
func mustStartProcess(t *testing.T, dir string, environment ...string) (addr string, kill func()) {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestHelperBroker$", "-test.v")
	command.Env = append(append(os.Environ(), helperDir+"="+dir), environment...)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if killed {
			return
		}
		killed = true
		if err := command.Process.Kill(); err != nil {
			t.Errorf("kill the broker: %v", err)
		}
		_ = command.Wait() // it was killed, so Wait returns an error
	}
	t.Cleanup(kill)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if addr, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			return addr, kill
		}
	}
	t.Fatal("the broker's process ended without listening")
	return "", nil
}
