package database

import (
	"regexp"
	"sync"
)

// lazyPattern returns a function that returns a compiled pattern. It is compiled at its first use:
// the patterns of spans would otherwise take 180 KB and 1 ms of each start of a
// function, which rarely needs them.
func lazyPattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
