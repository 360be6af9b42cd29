//go:build unix && !linux

package cloudrun

// usage returns zeros: only Linux has /proc.
func usage(int) (cpuSeconds float64, memoryBytes int64) { return 0, 0 }
