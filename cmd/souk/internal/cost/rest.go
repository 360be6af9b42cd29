package cost

import (
	"fmt"
	"math"
	"slices"
)

// messages is what Pub/Sub carries, and who triggers it.
func (s Shop) messages(t traffic) []quantity {
	var bytes, scheduled float64
	for topic, n := range byName(t.messages) {
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
		{"pubsub", bytes / gib, fmt.Sprintf(
			"published once, delivered to each subscription; 1,000 bytes at least each time, also for the %.0f messages that filters leave out", t.filtered)},
		{"scheduler", scheduled + s.exported(), "scheduled functions, and exports of databases"},
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
	versions := float64(len(slices.Compact(secrets))) + 3
	b := s.Behaviour
	return []quantity{
		{"secret-versions", versions, "one a secret, DATABASE_PASSWORD, SYNTHETIC_PASSWORD, and a key that is being replaced"},
		{"secret-access", readers * seconds / 900, "starts of functions with secrets, every 15 minutes at most"},
		{"secret-rotation", 365 / 12.0 / s.Settings.KeyRotationDays, fmt.Sprintf("every %.0f days", s.Settings.KeyRotationDays)},
		{"images", 20 * s.Measured.ImageMiB / 1024, fmt.Sprintf("20 rollouts are kept × %.0f MiB", s.Measured.ImageMiB)},
		{"builds", s.rollouts() * b.BuildMinutes, fmt.Sprintf("%.0f rollouts × %.0f minutes", s.rollouts(), b.BuildMinutes)},
		{"scans", s.rollouts() * (float64(len(s.Functions.Services())) + 1), fmt.Sprintf("%.0f rollouts × the image of each service and of souk", s.rollouts())},
		{"state", 50.0 / 1024, "50 versions of Terraform's state × 1 MiB"},
		{"exports", exportDays * s.exported() * s.Settings.Database.DiskGB / exportPart, fmt.Sprintf("%d exports, each a tenth of the disk", exportDays)},
		{"exports-transfer", 365 / 12.0 * s.exported() * s.Settings.Database.DiskGB / exportPart, "one export a day, to the other region"},
	}
}

// An export is compressed, and without indexes and free space.
const exportDays, exportPart = 30, 10

// exported returns the instances whose databases are exported daily.
func (s Shop) exported() float64 {
	if s.Settings.Exports == nil || !*s.Settings.Exports {
		return 0
	}
	return 1 + float64(len(s.Settings.Database.OwnInstance))
}

// rollouts returns how often the shop is rolled out.
func (s Shop) rollouts() float64 {
	if s.Settings.Profile == Tiny {
		return s.Behaviour.TinyRollouts
	}
	return s.Behaviour.Rollouts
}

// watched is what is written down and looked at.
func (s Shop) watched(t traffic) []quantity {
	sampled, logs := 1.0, 0.0
	if s.Settings.Environment == "prod" {
		sampled = 0.1
	}
	for _, f := range s.Functions.Functions {
		each := s.call(f.Name).LogBytes + s.Behaviour.CloudRunLogBytes
		if f.HTTP != "" && s.Settings.Profile == Tiny {
			each *= 2 // the gateway's lines
		} else if f.HTTP != "" {
			each += sampled * s.Behaviour.LoadBalancerLogBytes
		}
		logs += t.calls[f.Name] * each
	}
	conditions, series := s.watching()
	decided, counted, durations := math.Min(t.calls["order-place"], minutes), float64(metricSeries), "time to the decision, of orders confirmed and rejected"
	if s.Settings.paid() {
		counted, durations = counted+1, durations+", and to the confirmation of paid ones"
	}
	return []quantity{
		{"logs", logs / gib, "what a function, Cloud Run and the load balancer write of a call"},
		{"metrics", decided * counted * 80 / (1 << 20), durations + ": 80 bytes a minute each"},
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
	few, burns := float64(tinyAlerts), float64(burns)
	if s.Settings.Payments != nil {
		plain, few, burns = plain+paymentAlerts, few+paymentAlerts, burns+paymentBurns
	}
	if s.exported() > 0 {
		plain, few = plain+1, few+1
	}
	// Two of them look at each subscription, the others at one series or two.
	subscriptions := 0.0
	for _, f := range s.Functions.Functions {
		subscriptions += float64(len(f.Topics()))
	}
	if s.Settings.Profile == Tiny {
		return few, minutes * (2*few + subscriptions)
	}
	return plain + burns, minutes * (2*plain + 2*subscriptions + 2*burns)
}
