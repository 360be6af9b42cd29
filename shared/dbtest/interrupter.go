package dbtest

import (
	"regexp"
	"sync"
)

var changes = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n)*(CREATE|ALTER|DROP|RENAME|INSERT|UPDATE|DELETE|COMMIT)\b`)

// Changes reports whether a statement changes the schema or rows, or commits.
func Changes(statement string) bool { return changes.MatchString(statement) }

// Interrupter interrupts repeated runs of a program, each at the next statement that
// changes something, until a run is not interrupted. Its Decide is for NewProxy.
type Interrupter struct {
	fate Fate

	mu       sync.Mutex
	previous string
	seen     map[string]bool
	cut      bool
}

// NewInterrupter returns a new Interrupter that interrupts with a fate.
func NewInterrupter(fate Fate) *Interrupter {
	return &Interrupter{fate: fate, seen: map[string]bool{}}
}

// Decide interrupts a run at the first statement that has not interrupted an earlier one.
func (i *Interrupter) Decide(statement string) Fate {
	if !Changes(statement) {
		return Pass
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key := i.previous + "\x00" + statement // identifies a COMMIT by the statement before it
	i.previous = statement
	if i.cut || i.seen[key] {
		return Pass
	}
	i.seen[key], i.cut = true, true
	return i.fate
}

// Again begins a run and reports whether the previous one was interrupted.
func (i *Interrupter) Again() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	cut := i.cut
	i.cut, i.previous = false, ""
	return cut
}

// Count returns how many runs were interrupted.
func (i *Interrupter) Count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.seen)
}
