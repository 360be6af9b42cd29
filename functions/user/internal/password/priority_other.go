//go:build !linux

package password

// atLowPriority calls work. Only Linux has a priority for each thread.
func atLowPriority(work func() error) error { return work() }
