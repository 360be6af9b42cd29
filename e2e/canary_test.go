package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// canaries are what a system must never log: passwords, tokens and e-mail
// addresses that tests sent through it.
type canaries struct {
	mu    sync.Mutex
	words []string
}

func (c *canaries) plant(words ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.words = append(c.words, words...)
}

// mustNotSing fails the test when a log of the system has a canary in it.
func (s *system) mustNotSing(t testing.TB) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(s.stateDir, "*.log"))
	if err != nil {
		t.Error(err)
	}
	if len(logs) == 0 {
		t.Errorf("the system has no logs in %s: the canaries prove nothing", s.stateDir)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		for line := range strings.Lines(string(text)) {
			for _, canary := range s.canaries.words {
				if strings.Contains(line, canary) {
					t.Errorf("%s has a secret in it: %s", filepath.Base(path), line)
				}
			}
		}
	}
}
