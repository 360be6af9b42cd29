package e2e_test

import (
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
	logs := s.logs(t)
	if len(logs) == 0 {
		t.Error("the system has no logs: the canaries prove nothing")
	}
	for name, text := range logs {
		for line := range strings.Lines(text) {
			for _, canary := range s.canaries.words {
				if strings.Contains(line, canary) {
					t.Errorf("%s has a secret in it: %s", name, line)
				}
			}
		}
	}
}
