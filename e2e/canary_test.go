package e2e_test

import (
	"slices"
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
	search := newCanarySearch(s.canaries.words)
	for name, text := range logs {
		for line := range strings.Lines(text) {
			if search.finds(line) {
				t.Errorf("%s contains a secret: %s", name, line)
			}
		}
	}
}

// canarySearch has the canaries by their first bytes, so that the search of a line takes the
// same time however many there are.
type canarySearch map[[canaryPrefix]byte][]string

const canaryPrefix = 6

func newCanarySearch(words []string) canarySearch {
	search := canarySearch{}
	for _, word := range words {
		if len(word) < canaryPrefix {
			panic("a canary is too short to be unique: " + word)
		}
		prefix := [canaryPrefix]byte([]byte(word))
		if !slices.Contains(search[prefix], word) {
			search[prefix] = append(search[prefix], word)
		}
	}
	return search
}

func (s canarySearch) finds(line string) bool {
	for i := 0; i+canaryPrefix <= len(line); i++ {
		for _, word := range s[[canaryPrefix]byte([]byte(line[i:i+canaryPrefix]))] {
			if strings.HasPrefix(line[i:], word) {
				return true
			}
		}
	}
	return false
}

func TestCanarySearch(t *testing.T) {
	t.Parallel()
	search := newCanarySearch([]string{"secret-one", "secret-two", "secret-two", "x@example.com"})
	for line, want := range map[string]bool{
		"": false, "secret": false, "a secret-tw": false, "a secret-two": true, "x@example.com\n": true, "xx@example.com.\n": true, "secretsecret-one": true,
	} {
		if got := search.finds(line); got != want {
			t.Errorf("%q: got %t, want %t", line, got, want)
		}
	}
}
