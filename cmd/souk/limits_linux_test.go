package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// descriptors returns how many a process has open.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// TestDescriptors has a crowd come through the gateway: when it has gone, so have the
// connections that it took.
func TestDescriptors(t *testing.T) {
	t.Parallel()
	const clients, bound = 300, 150
	stateDir := t.TempDir()
	up := mustForeground(t, stateDir)
	url := mustStatus(t, stateDir).Gateway + "/v1/products"
	mustList(t, mustStatus(t, stateDir).Gateway)
	before := descriptors(t, up.Process.Pid)

	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	client := &http.Client{Transport: transport}
	var crowd sync.WaitGroup
	done := make(chan struct{})
	for range clients {
		crowd.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				response, err := client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
		})
	}
	waitFor(t, "the crowd is inside", func() bool { return descriptors(t, up.Process.Pid) > before+clients })
	close(done)
	crowd.Wait()
	transport.CloseIdleConnections()
	waitFor(t, fmt.Sprintf("few of the descriptors are left, less than %d", before+bound), func() bool {
		return descriptors(t, up.Process.Pid) < before+bound
	})
}

// TestDetachedLog starts a system in the background whose log is full: it is begun
// anew, and what is printed at the start is shown all the same.
func TestDetachedLog(t *testing.T) {
	t.Parallel()
	stateDir := t.TempDir()
	path := filepath.Join(stateDir, "souk.log")
	full := strings.Repeat("a line of an earlier run\n", 300_000)
	if err := os.WriteFile(path, []byte(full), 0o600); err != nil {
		t.Fatal(err)
	}
	mustUp(t, stateDir, mustServer(t)) // it requires that the summary is shown
	old, err := os.Stat(path + ".1")
	if err != nil || old.Size() != int64(len(full)) {
		t.Errorf("the full log: %v, %v", old, err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "gateway") || len(text) > 1<<20 {
		t.Errorf("the new log has %d bytes (%v)", len(text), err)
	}
}
