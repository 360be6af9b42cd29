package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Granularity selects how many functions share a run service.
type Granularity string

// The granularities, as terraform/ names them.
const (
	// PerFunction is one run service for each function, as in local systems.
	PerFunction Granularity = "function"
	// PerService is two run services for each service: one for clients, one for Pub/Sub.
	PerService Granularity = "service"
)

// Kind distinguishes functions by their callers.
type Kind string

// The kinds of functions.
const (
	KindHTTP Kind = "http" // called by clients
	KindPush Kind = "push" // called by Pub/Sub
)

// Kind returns the kind of the function.
func (f Function) Kind() Kind {
	if f.HTTP != "" {
		return KindHTTP
	}
	return KindPush
}

// Scaling is the size and the number of instances of a run service.
type Scaling struct {
	// Concurrency is the maximum number of concurrent requests of an instance.
	Concurrency int `yaml:"concurrency"`
	// Memory is the memory of an instance, such as 256Mi or 1Gi.
	Memory string `yaml:"memory"`
	// CPU is a number of vCPUs, such as 1 or 500m.
	CPU          string `yaml:"cpu"`
	MinInstances int    `yaml:"minInstances"`
	MaxInstances int    `yaml:"maxInstances"`
	// Pool is the maximum number of database connections of an instance.
	Pool int `yaml:"pool"`
}

// ScalingOverride is the part of a function's scaling that differs from the default.
type ScalingOverride struct {
	Concurrency  *int    `yaml:"concurrency"`
	Memory       *string `yaml:"memory"`
	CPU          *string `yaml:"cpu"`
	MinInstances *int    `yaml:"minInstances"`
	MaxInstances *int    `yaml:"maxInstances"`
	Pool         *int    `yaml:"pool"`
}

// ScalingOf returns the scaling of a function that has its own run service.
func (m *Manifest) ScalingOf(f Function) Scaling {
	return m.Scaling[PerFunction][f.Kind()].with(f.Scaling)
}

func override[T any](value, other *T) {
	if other != nil {
		*value = *other
	}
}

var (
	memoryForm = regexp.MustCompile(`^([1-9][0-9]{0,5})(Mi|Gi)$`)
	cpuForm    = regexp.MustCompile(`^([1-9][0-9]*|[1-9][0-9]{1,3}m)$`)
)

// MemoryBytes returns the memory of an instance in bytes, or 0 if it is malformed.
func (s Scaling) MemoryBytes() int64 {
	match := memoryForm.FindStringSubmatch(s.Memory)
	if match == nil {
		return 0
	}
	n, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return 0
	}
	if match[2] == "Gi" {
		n <<= 10
	}
	return n << 20
}

// VCPUs returns the number of vCPUs of an instance, or 0 if it is malformed.
func (s Scaling) VCPUs() float64 {
	number, milli := strings.CutSuffix(s.CPU, "m")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0
	}
	if milli {
		n /= 1000
	}
	return n
}

// goMemoryPercent is the part of an instance's memory that the Go runtime may use. The
// remainder is for the program itself and for memory that the runtime does not count.
const goMemoryPercent = 85

// GoMemLimit returns GOMEMLIMIT for an instance (https://go.dev/doc/gc-guide#Memory_limit).
// terraform/cloud_run.tf computes it in the same way.
func (s Scaling) GoMemLimit() string {
	return fmt.Sprintf("%dMiB", s.MemoryBytes()>>20*goMemoryPercent/100)
}

// RequestsPerConnection is how many requests an instance may get at the same time for
// each connection of its pool. A request waits for 8 s at most until it is worked on (see
// function.admissionQueue); with 20 of them, the last one is in time while each holds the
// connection for 400 ms on average, which is many times what the transactions of a busy shop
// take. More would be refused.
// terraform/cloud_run.tf has the same number.
const RequestsPerConnection = 20

// check returns the values outside of Cloud Run's limits:
// https://cloud.google.com/run/docs/configuring/services/memory-limits
func (s Scaling) check(name string) []error {
	var errs []error
	need := func(ok bool, rule string, got any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: need scaling with %s, got %v", name, rule, got))
		}
	}
	need(1 <= s.Concurrency && s.Concurrency <= 1000, "a concurrency of 1 to 1000", s.Concurrency)
	need(s.MemoryBytes() >= 128<<20 && s.MemoryBytes() <= 32<<30, "a memory of 128Mi to 32Gi", s.Memory)
	need(cpuForm.MatchString(s.CPU) && s.VCPUs() <= 8, "a cpu such as 1 or 500m, of at most 8", s.CPU)
	need(0 <= s.MinInstances && s.MinInstances <= s.MaxInstances, "0 <= minInstances <= maxInstances", s.MinInstances)
	need(1 <= s.MaxInstances && s.MaxInstances <= 1000, "maxInstances of 1 to 1000", s.MaxInstances)
	need(1 <= s.Pool && s.Pool <= 1000, "a pool of 1 to 1000", s.Pool)
	need(s.Concurrency <= RequestsPerConnection*s.Pool,
		fmt.Sprintf("a concurrency of at most %d for each connection of the pool", RequestsPerConnection), s.Concurrency)
	return errs
}

func (m *Manifest) checkScaling() []error {
	var errs []error
	for _, granularity := range []Granularity{PerFunction, PerService} {
		for _, kind := range []Kind{KindHTTP, KindPush} {
			s, present := m.Scaling[granularity][kind]
			if !present {
				errs = append(errs, fmt.Errorf("scaling.%s.%s is required", granularity, kind))
				continue
			}
			errs = append(errs, s.check(fmt.Sprintf("scaling.%s.%s", granularity, kind))...)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	for _, f := range m.Functions {
		if f.Scaling != (ScalingOverride{}) {
			errs = append(errs, m.ScalingOf(f).check(f.Name)...)
		}
	}
	return errs
}

// WithScaling returns the manifest with other scaling where functions have a run service each:
// by kind, where an entry of the manifest says nothing else, and by function.
func (m *Manifest) WithScaling(kinds map[Kind]ScalingOverride, functions map[string]ScalingOverride) (*Manifest, error) {
	changed := *m
	changed.Scaling = maps.Clone(m.Scaling)
	changed.Scaling[PerFunction] = maps.Clone(m.Scaling[PerFunction])
	changed.Functions = slices.Clone(m.Functions)
	var errs []error
	for kind, other := range kinds {
		s, known := changed.Scaling[PerFunction][kind]
		if !known {
			errs = append(errs, fmt.Errorf("unknown kind of function %q: need http or push", kind))
			continue
		}
		changed.Scaling[PerFunction][kind] = s.with(other)
	}
	for name, other := range functions {
		i := slices.IndexFunc(changed.Functions, func(f Function) bool { return f.Name == name })
		if i < 0 {
			errs = append(errs, fmt.Errorf("unknown function %q", name))
			continue
		}
		changed.Functions[i].Scaling = changed.Functions[i].Scaling.with(other)
	}
	if err := errors.Join(append(errs, changed.checkScaling()...)...); err != nil {
		return nil, err
	}
	return &changed, nil
}

func (s Scaling) with(other ScalingOverride) Scaling {
	override(&s.Concurrency, other.Concurrency)
	override(&s.Memory, other.Memory)
	override(&s.CPU, other.CPU)
	override(&s.MinInstances, other.MinInstances)
	override(&s.MaxInstances, other.MaxInstances)
	override(&s.Pool, other.Pool)
	return s
}

func (s ScalingOverride) with(other ScalingOverride) ScalingOverride {
	return ScalingOverride{
		Concurrency: cmp.Or(other.Concurrency, s.Concurrency), Memory: cmp.Or(other.Memory, s.Memory),
		CPU: cmp.Or(other.CPU, s.CPU), MinInstances: cmp.Or(other.MinInstances, s.MinInstances),
		MaxInstances: cmp.Or(other.MaxInstances, s.MaxInstances), Pool: cmp.Or(other.Pool, s.Pool),
	}
}
