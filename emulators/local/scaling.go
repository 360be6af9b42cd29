//go:build !container

package local

import (
	"context"
	"fmt"
	"os"
	"time"

	"souk/emulators/cloudrun"
	"souk/emulators/cloudrun/cgroup"
	"souk/emulators/mysql"
	"souk/shared/manifest"
	"souk/shared/strictyaml"
)

// Scaling overrides the scaling of a manifest, as a file of --scaling does.
type Scaling struct {
	// Function overrides the defaults of functions by kind, Functions those of single ones.
	Function  map[manifest.Kind]manifest.ScalingOverride `yaml:"function"`
	Functions map[string]manifest.ScalingOverride        `yaml:"functions"`
	// Windows are the times of autoscaling, which are those of Cloud Run by default.
	Windows cloudrun.Windows `yaml:"windows"`
}

// ReadScaling reads a file of --scaling. The name "" returns an empty Scaling.
func ReadScaling(file string) (Scaling, error) {
	var s Scaling
	if file == "" {
		return s, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("read the scaling: %w", err)
	}
	if err := strictyaml.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read the scaling in %s: %w", file, err)
	}
	return s, nil
}

// apply returns the manifest with the scaling.
func (s Scaling) apply(list *manifest.Manifest) (*manifest.Manifest, error) {
	if err := s.Windows.Check(); err != nil {
		return nil, fmt.Errorf("windows of autoscaling: %w", err)
	}
	if len(s.Function) == 0 && len(s.Functions) == 0 {
		return list, nil
	}
	changed, err := list.WithScaling(s.Function, s.Functions)
	if err != nil {
		return nil, fmt.Errorf("scaling of functions: %w", err)
	}
	return changed, nil
}

// otherConnections are those of migrations, operators and the console.
const otherConnections = 40

// connections returns the number of database connections that all instances of all functions
// may have.
func connections(list *manifest.Manifest) (total int) {
	for _, f := range list.Functions {
		if f.Database != manifest.NoDatabase {
			scaling := list.ScalingOf(f)
			total += scaling.MaxInstances * scaling.Pool
		}
	}
	return total
}

// describeFunctions describes the functions that were started.
func (s *System) describeFunctions() string {
	text := fmt.Sprintf("%d, processes from the first request on", len(s.options.Manifest.Functions))
	minimum := 0
	for _, f := range s.options.Manifest.Functions {
		minimum += s.options.Manifest.ScalingOf(f).MinInstances
	}
	if minimum > 0 {
		text += fmt.Sprintf(", %d minimum instances", minimum)
	}
	if needed := connections(s.options.Manifest); needed > mysql.MaxConnections-otherConnections {
		text += fmt.Sprintf("; at their maximum they need %d of %d database connections", needed, mysql.MaxConnections)
	}
	return text
}

// openLimits returns what limits the CPU and the memory of instances: nil if this machine does
// not let the system do so, which it reports.
func (s *System) openLimits() *cgroup.Manager {
	if s.options.Unlimited {
		text := "CPU and memory of functions are not limited: --unlimited"
		s.options.Report(Progress{Part: "limits", Text: text, Took: time.Nanosecond})
		return nil
	}
	begin := time.Now()
	m, err := cgroup.Open()
	if err != nil {
		s.log.Warn("CPU and memory of functions are not limited", "error", err)
		text := fmt.Sprintf("CPU and memory of functions are not limited: %v", err)
		s.options.Report(Progress{Part: "limits", Text: text, Took: time.Since(begin)})
		return nil
	}
	s.started("limits", func(context.Context) error { return m.Close() })
	text := fmt.Sprintf("CPU and memory of functions, by control groups (version %d)", m.Version())
	s.options.Report(Progress{Part: "limits", Text: text, Took: time.Since(begin)})
	return m
}
