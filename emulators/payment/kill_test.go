package payment

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// killedDir is the variable with the directory of TestKilledProcess, set in its process.
const killedDir = "PAYMENT_TEST_DIR"

// TestKilledProcess kills a provider that writes as fast as it can. Every change that it has
// acknowledged must be there afterwards.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(killedDir); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcess$")
	command.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	buffer := make([]byte, 4096)
	text := ""
	for strings.Count(text, "\n") < 60 {
		n, err := out.Read(buffer)
		if err != nil {
			t.Fatalf("the process ended: %v\n%s", err, text)
		}
		text += string(buffer[:n])
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	for line := range strings.Lines(text) {
		if id, found := strings.CutPrefix(strings.TrimSpace(line), "captured "); found && strings.HasSuffix(line, "\n") {
			acknowledged = append(acknowledged, id)
		}
	}
	f := open(t, inDir(dir))
	for _, id := range acknowledged {
		if p := f.mustGet("/v1/payments/" + id); p.CapturedAmount != 10000 {
			t.Errorf("payment %s is %s, captured %d", id, p.State, p.CapturedAmount)
		}
	}
	if len(acknowledged) < 50 || f.Books()[0].Captured < int64(len(acknowledged))*10000 {
		t.Errorf("%d captures were acknowledged, books %+v", len(acknowledged), f.Books())
	}
}

// writeUntilKilled captures payments and prints those whose capture is acknowledged.
func writeUntilKilled(t *testing.T, dir string) {
	t.Helper()
	f := open(t, inDir(dir))
	f.options.Clock = time.Now
	var output sync.Mutex
	for range 4 {
		go func() {
			for {
				path := f.mustPay(Automatic, CardApproved)
				output.Lock()
				fmt.Println("captured", strings.TrimPrefix(path, "/v1/payments/"))
				output.Unlock()
			}
		}()
	}
	<-t.Context().Done()
}
