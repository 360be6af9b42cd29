package dbtest

import (
	"regexp"
	"sync"
)

var changes = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n)*(CREATE|ALTER|DROP|RENAME|INSERT|UPDATE|DELETE|COMMIT)\b`)

// Changes reports whether a statement changes the schema or rows, or commits.
func Changes(statement string) bool { return changes.MatchString(statement) }

// Interrupter interrupts a program that is run again and again at each statement that
// changes something, one a run, until a run is not interrupted. Its Decide is for
// NewProxy.
type Interrupter struct {
	fate Fate

	mu       sync.Mutex
	previous string
	seen     map[string]bool
	cut      bool
}

// NewInterrupter returns an Interrupter that has statements meet a fate.
func NewInterrupter(fate Fate) *Interrupter {
	return &Interrupter{fate: fate, seen: map[string]bool{}}
}

// Decide interrupts at the first statement of a run that interrupted no run before.
func (i *Interrupter) Decide(statement string) Fate {
	if !Changes(statement) {
		return Pass
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	this := i.previous + "\x00" + statement // each COMMIT by what it commits
	i.previous = statement
	if i.cut || i.seen[this] {
		return Pass
	}
	i.seen[this], i.cut = true, true
	return i.fate
}

// Again begins a run, and reports whether the last one was interrupted.
func (i *Interrupter) Again() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	cut := i.cut
	i.cut, i.previous = false, ""
	return cut
}

// Count returns how often a run was interrupted.
func (i *Interrupter) Count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.seen)
}
