package e2e_test

import (
	"strings"
	"sync"
	"testing"
)

// canaries are texts that a system must never log: passwords, tokens and e-mail addresses
// that tests sent to it.
type canaries struct {
	mu    sync.Mutex
	words []string
}

func (c *canaries) plant(words ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.words = append(c.words, words...)
}

// requireNoSecretsInLogs requires that no log of the system contains a canary.
func (s *system) requireNoSecretsInLogs(t testing.TB) {
	t.Helper()
	logs := s.logs(t)
	if len(logs) == 0 {
		t.Error("the system has no logs, so no canary was searched for")
	}
	for name, text := range logs {
		for line := range strings.Lines(text) {
			for _, canary := range s.canaries.words {
				if strings.Contains(line, canary) {
					t.Errorf("%s contains a secret: %s", name, line)
				}
			}
		}
	}
}
