package cost

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const gib = 1 << 30

var customTier = regexp.MustCompile(`^db-custom-([1-9][0-9]*)-([1-9][0-9]*)$`)

// sql is the database: it is paid for by the hour, whether anyone asks it or not.
func (s Shop) sql() ([]quantity, error) {
	db := s.Settings.Database
	if db.Edition != "ENTERPRISE" {
		return nil, fmt.Errorf("database.edition is %s: prices.yaml has prices of ENTERPRISE only", db.Edition)
	}
	machines, disks := 1.0, "1 disk"
	if db.Regional {
		machines, disks = 2, "2 disks (regional)"
	}
	if db.Replica {
		machines, disks = machines+1, disks+", 1 of the replica"
	}
	number := fmt.Sprintf("%.0f machine(s)", machines)
	storage := []quantity{
		{"sql-storage", machines * db.DiskGB, fmt.Sprintf("%.0f GiB × %s", db.DiskGB, disks)},
		{"sql-backup", db.DiskGB, "at most the full disk once: later backups hold what changed"},
	}
	if shared, is := map[string]string{"db-f1-micro": "sql-f1-micro", "db-g1-small": "sql-g1-small"}[db.Tier]; is {
		return append([]quantity{{shared, machines * hours, number + " × 730 h"}}, storage...), nil
	}
	form := customTier.FindStringSubmatch(db.Tier)
	if form == nil {
		return nil, fmt.Errorf("database.tier is %s: prices.yaml has prices of db-f1-micro, db-g1-small and db-custom-CPUS-MEMORY_MIB", db.Tier)
	}
	cpus, err1 := strconv.ParseFloat(form[1], 64)
	mib, err2 := strconv.ParseFloat(form[2], 64)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("database.tier is %s: too large", db.Tier)
	}
	return append([]quantity{
		{"sql-cpu", machines * cpus * hours, fmt.Sprintf("%s × %.0f vCPU × 730 h", number, cpus)},
		{"sql-memory", machines * mib / 1024 * hours, fmt.Sprintf("%s × %g GiB × 730 h", number, mib/1024)},
	}, storage...), nil
}

// What front.tf, armor.tf and watch.tf have: a test in terraform/ holds these to the
// plan.
const (
	armorRules = 12 // nine of Google's sets, two limits, the default
	alerts     = 10 // watch.tf, without those that a variable switches on
	burns      = 42 // slo.tf: seven SLOs, three paces, two windows
	// A log-based metric has a series for each value of its labels, with a point of 80
	// bytes each minute: confirmed and rejected orders. The two others of watch.tf are
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
	return []quantity{
		{"lb-rules", hours, "2 rules, HTTPS and the redirect from HTTP × 730 h"},
		{"lb-data", (out + requests*requestBytes) / gib, "requests in and answers out"},
		{"armor-policy", 1, "armor.tf"},
		{"armor-rules", armorRules, "armor.tf"},
		{"armor-requests", requests, "every request from outside"},
		{"cdn-lookups", reads, "requests that the cache could answer; none is taken to be there"},
		{"egress", out / gib, "answers"},
	}
}

// service is one Cloud Run service.
type service struct {
	min, max, cpus, memory float64
	// busy are the seconds in which it works on requests.
	busy float64
}

// services are the Cloud Run services by name, as functions.tf groups functions.
func (s Shop) services(t traffic) map[string]service {
	services := map[string]service{}
	for _, f := range s.Functions.Functions {
		kind := "push"
		if f.HTTP != "" {
			kind = "http"
		}
		name := f.Name
		if s.Settings.Granularity == "service" {
			name = f.Service + "-" + kind
		}
		one, there := services[name]
		if !there {
			one = s.scaled(name, kind)
		}
		// Time is paid for in steps of 100 ms.
		one.busy += t.calls[f.Name] * math.Ceil(s.call(f.Name).Ms/100) / 10
		services[name] = one
	}
	for name, one := range services {
		// There are never more instances than there may be.
		one.busy = math.Min(one.busy, one.max*seconds)
		services[name] = one
	}
	return services
}

// scaled is a service as its scaling has it.
func (s Shop) scaled(name, kind string) service {
	var merged Scaling
	for _, scaling := range []Scaling{s.Settings.Standard[kind], s.Settings.Scaling["default"], s.Settings.Scaling[name]} {
		take(&merged.Min, scaling.Min)
		take(&merged.Max, scaling.Max)
		take(&merged.CPU, scaling.CPU)
		take(&merged.Memory, scaling.Memory)
	}
	return service{min: *merged.Min, max: *merged.Max, cpus: cpus(*merged.CPU), memory: memory(*merged.Memory)}
}

func take[T any](into **T, given *T) {
	if given != nil {
		*into = given
	}
}

// run is Cloud Run, paid for while requests are worked on, and for instances that are
// kept waiting for them.
func (s Shop) run(t traffic) []quantity {
	var calls, busy, cpu, memory, idleCPU, idleMemory float64
	for name, n := range t.calls {
		calls += n
		busy += n * s.call(name).CPUMs / 1000
	}
	warm := 0.0
	services := s.services(t)
	for _, one := range services {
		cpu += one.busy * one.cpus
		memory += one.busy * one.memory
		idle := math.Max(0, one.min*seconds-one.busy)
		idleCPU += idle * one.cpus
		idleMemory += idle * one.memory
		warm += one.min
	}
	migrations := s.Behaviour.Rollouts * s.Behaviour.MigrateSeconds
	return []quantity{
		{"run-requests", calls, "calls of clients, of Pub/Sub and of uptime checks"},
		{"run-cpu", cpu, fmt.Sprintf("calls × time, in steps of 100 ms × vCPU, no two at once on one instance; a CPU is busy for %.0f s of it", busy)},
		{"run-memory", memory, "the same time × memory"},
		{"run-idle-cpu", idleCPU, fmt.Sprintf("%.0f instance(s) kept warm, while they have nothing to do", warm)},
		{"run-idle-memory", idleMemory, "the same"},
		{"run-job-cpu", migrations, fmt.Sprintf("%.0f rollouts migrate, a minute each", s.Behaviour.Rollouts)},
		{"run-job-memory", migrations / 2, "the same, 512 MiB"},
	}
}

// messages is what Pub/Sub carries, and who triggers it.
func (s Shop) messages(t traffic) []quantity {
	var bytes, scheduled float64
	for topic, n := range t.messages {
		deliveries := 0.0
		for _, f := range s.Functions.Functions {
			if slices.Contains(f.Topics(), topic) {
				deliveries++
			}
		}
		bytes += n * (1 + deliveries) * math.Max(1000, s.Measured.EventBytes[topic])
	}
	for _, f := range s.Functions.Functions {
		if f.Schedule != "" {
			scheduled++
		}
	}
	return []quantity{
		{"pubsub", bytes / gib, "published once, delivered to each subscription; 1,000 bytes at least each time"},
		{"scheduler", scheduled, "scheduled functions"},
	}
}

// kept is secrets, images and Terraform's state.
func (s Shop) kept() []quantity {
	var readers float64
	var secrets []string
	for _, f := range s.Functions.Functions {
		if len(f.Secrets) > 0 {
			readers++
		}
		secrets = append(secrets, f.Secrets...)
	}
	slices.Sort(secrets)
	versions := float64(len(slices.Compact(secrets))) + 1 + 1
	b := s.Behaviour
	return []quantity{
		{"secret-versions", versions, "one a secret, DATABASE_PASSWORD, and a key that is being replaced"},
		{"secret-access", readers * seconds / 900, "starts of functions with secrets, every 15 minutes at most"},
		{"secret-rotation", 365 / 12.0 / s.Settings.KeyRotationDays, fmt.Sprintf("every %.0f days", s.Settings.KeyRotationDays)},
		{"images", 20 * s.Measured.ImageMiB / 1024, fmt.Sprintf("20 rollouts are kept × %.0f MiB", s.Measured.ImageMiB)},
		{"builds", b.Rollouts * b.BuildMinutes, fmt.Sprintf("%.0f rollouts × %.0f minutes", b.Rollouts, b.BuildMinutes)},
		{"scans", b.Rollouts * (float64(len(s.Functions.Services())) + 1), fmt.Sprintf("%.0f rollouts × the image of each service and of souk", b.Rollouts)},
		{"state", 50.0 / 1024, "50 versions of Terraform's state × 1 MiB"},
	}
}

// watched is what is written down and looked at.
func (s Shop) watched(t traffic) []quantity {
	sampled, logs := 1.0, 0.0
	if s.Settings.Environment == "prod" {
		sampled = 0.1
	}
	for _, f := range s.Functions.Functions {
		each := s.call(f.Name).LogBytes + s.Behaviour.CloudRunLogBytes
		if f.HTTP != "" {
			each += sampled * s.Behaviour.LoadBalancerLogBytes
		}
		logs += t.calls[f.Name] * each
	}
	conditions, series := s.watching()
	decided := math.Min(t.calls["order-place"], minutes)
	return []quantity{
		{"logs", logs / gib, "what a function, Cloud Run and the load balancer write of a call"},
		{"metrics", decided * metricSeries * 80 / (1 << 20), "time to the decision, of orders confirmed and rejected: 80 bytes a minute each"},
		{"uptime", uptimeChecks * uptimeRegions * seconds / uptimePeriod, "2 checks × 3 regions, every 5 minutes"},
		{"alerts", conditions, "conditions of all alerts"},
		{"alert-series", series, "each looked at every 30 or 60 s"},
	}
}

// watching returns the conditions of all alerts, and the series that they look at.
func (s Shop) watching() (conditions, series float64) {
	plain := float64(alerts)
	if s.Settings.Database.Replica {
		plain++
	}
	if s.Settings.ExpectedWithin > 0 {
		plain++
	}
	// Two of them look at each subscription, the others at one series or two.
	subscriptions := 0.0
	for _, f := range s.Functions.Functions {
		subscriptions += float64(len(f.Topics()))
	}
	return plain + burns, minutes * (2*plain + 2*subscriptions + 2*burns)
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
