package cost

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"souk/shared/manifest"
)

const gib = 1 << 30

// What load_balancer.tf, cloud_armor.tf and alerting.tf have: a test in terraform/ holds these to the
// plan.
const (
	armorRules = 13 // nine of Google's sets, three limits, the default
	alerts     = 12 // alerting.tf, without those that a variable switches on
	burns      = 94 // slo.tf: 13 SLOs at three paces and eight at one, two windows each
	// Those that the variable payments adds: order-not-confirmed and order-not-paid, and an SLO.
	paymentAlerts, paymentBurns = 2, 6
	// The same of the profile tiny.
	tinyAlerts = 5
	// A log-based metric has a series for each value of its labels, with a point of 80
	// bytes each minute: confirmed and rejected orders. The two others of alerting.tf are
	// of things that go wrong.
	metricSeries = 2
)

// front is the load balancer, and what stands with it.
func (s Shop) front(t traffic) []quantity {
	var requests, reads, out float64
	for _, f := range s.Functions.Functions {
		if f.HTTP == "" {
			continue
		}
		n := t.calls[f.Name]
		requests += n
		out += n * (s.call(f.Name).Bytes + headerBytes)
		if f.Access == "anyone" && f.Method() == "GET" {
			reads += n
		}
	}
	if s.Settings.Profile == Tiny {
		return []quantity{{"egress", out / gib, "responses"}}
	}
	return []quantity{
		{"lb-rules", hours, "2 rules, HTTPS and the redirect from HTTP × 730 h"},
		{"lb-data", (out + requests*requestBytes) / gib, "requests in and responses out"},
		{"armor-policy", 1, "cloud_armor.tf"},
		{"armor-rules", armorRules, "cloud_armor.tf"},
		{"armor-requests", requests, "every request from outside"},
		{"cdn-lookups", reads, "requests that the cache could serve; no hits are assumed"},
		{"egress", out / gib, "responses"},
	}
}

// service is one Cloud Run service.
type service struct {
	min, max, cpus, memory, pool, concurrency float64
	// busy are the seconds in which it works on requests.
	busy float64
}

// services are the Cloud Run services by name, as functions.tf groups functions.
func (s Shop) services(t traffic) map[string]service {
	services := map[string]service{}
	for _, f := range s.Functions.Functions {
		name, scaling := s.runOf(f), s.Functions.ScalingOf(f)
		if s.Settings.Granularity == string(manifest.PerService) {
			scaling = s.Functions.Scaling[manifest.PerService][f.Kind()]
		}
		one, there := services[name]
		if !there {
			one = s.scaled(name, scaling)
		}
		// Time is paid for in steps of 100 ms.
		one.busy += t.calls[f.Name] * math.Ceil(s.call(f.Name).Ms/100) / 10
		services[name] = one
	}
	if s.Settings.Profile == Tiny {
		services["gateway"] = s.gateway(t)
	}
	for name, one := range byName(services) {
		// There are never more instances than there may be.
		one.busy = math.Min(one.busy, one.max*seconds)
		services[name] = one
	}
	return services
}

// gateway is the service that clients call in the profile tiny: it waits for the
// function as long as the client does.
func (s Shop) gateway(t traffic) service {
	one := service{max: 2, cpus: 1, memory: 0.25}
	for _, f := range s.Functions.Functions {
		if f.HTTP != "" {
			one.busy += t.calls[f.Name] * math.Ceil(s.call(f.Name).Ms/100) / 10
		}
	}
	return one
}

// scaled returns a service of that scaling, with what the variables change.
func (s Shop) scaled(name string, scaling manifest.Scaling) service {
	low, high, pool, cpu, mem := float64(scaling.MinInstances), float64(scaling.MaxInstances), float64(scaling.Pool), scaling.CPU, scaling.Memory
	for _, changed := range []Scaling{s.Settings.Scaling["default"], s.Settings.Scaling[name]} {
		take(&low, changed.Min)
		take(&high, changed.Max)
		take(&pool, changed.Pool)
		take(&cpu, changed.CPU)
		take(&mem, changed.Memory)
	}
	return service{min: low, max: high, pool: pool, cpus: cpus(cpu), memory: memory(mem), concurrency: float64(scaling.Concurrency)}
}

func take[T any](into, given *T) {
	if given != nil {
		*into = *given
	}
}

// run is Cloud Run, paid for while requests are worked on, and for instances that are
// kept waiting for them.
func (s Shop) run(t traffic) []quantity {
	var calls, busy, cpu, memory, idleCPU, idleMemory float64
	for name, n := range byName(t.calls) {
		calls += n
		if f, _ := s.Functions.Function(name); f.HTTP != "" && s.Settings.Profile == Tiny {
			calls += n // through the gateway
		}
		busy += n * s.call(name).CPUMs / 1000
	}
	warm := 0.0
	services := s.services(t)
	for _, one := range byName(services) {
		cpu += one.busy * one.cpus
		memory += one.busy * one.memory
		idle := math.Max(0, one.min*seconds-one.busy)
		idleCPU += idle * one.cpus
		idleMemory += idle * one.memory
		warm += one.min
	}
	migrations := s.rollouts() * s.Behaviour.MigrateSeconds
	return []quantity{
		{"run-requests", calls, "calls of clients, of Pub/Sub and of uptime checks"},
		{"run-cpu", cpu, fmt.Sprintf("calls × time, in steps of 100 ms × vCPU, no two at once on one instance; a CPU is busy for %.0f s of it", busy)},
		{"run-memory", memory, "the same time × memory"},
		{"run-idle-cpu", idleCPU, fmt.Sprintf("%.0f instance(s) kept warm, while they have nothing to do", warm)},
		{"run-idle-memory", idleMemory, "the same"},
		{"run-job-cpu", migrations, fmt.Sprintf("%.0f rollouts migrate, a minute each", s.rollouts())},
		{"run-job-memory", migrations / 2, "the same, 512 MiB"},
	}
}

// cpus reads a Cloud Run CPU limit, such as 1, 2 or 500m.
func cpus(text string) float64 { return amount(text, map[string]float64{"m": 0.001, "": 1}) }

// memory reads a Cloud Run memory limit, in GiB.
func memory(text string) float64 {
	return amount(text, map[string]float64{"Mi": 1.0 / 1024, "Gi": 1, "M": 1e6 / gib, "G": 1e9 / gib})
}

// amount reads a number with a unit. It is NaN if the text is no such number.
func amount(text string, units map[string]float64) float64 {
	digits := strings.TrimRight(text, "MGim")
	factor, known := units[text[len(digits):]]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !known {
		return math.NaN()
	}
	return n * factor
}
