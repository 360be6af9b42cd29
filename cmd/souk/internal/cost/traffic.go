package cost

import (
	_ "embed" // the figures that come with the program
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"souk/shared/manifest"
	"souk/shared/strictyaml"
)

//go:embed measured.yaml
var measuredYAML []byte

//go:embed measured_earlier.yaml
var earlierYAML []byte

//go:embed behaviour.yaml
var behaviourYAML []byte

// Measured is what one call of a function takes: see measured.yaml.
type Measured struct {
	How       string          `yaml:"how"`
	On        string          `yaml:"on"`
	Functions map[string]Call `yaml:"functions"`
	// EventBytes are what a message of a topic counts, its attributes included.
	EventBytes map[string]float64 `yaml:"eventBytes"`
	// ImageMiB are the images of one rollout together.
	ImageMiB float64 `yaml:"imageMiB"`
}

// Call is what one call of a function takes.
type Call struct {
	// Ms is the mean time from request to response, in milliseconds, and CPUMs what of
	// it a CPU was busy.
	Ms    float64 `yaml:"ms"`
	CPUMs float64 `yaml:"cpuMs"`
	// Bytes are those of the response's body, LogBytes those of all lines logged.
	Bytes    float64 `yaml:"bytes"`
	LogBytes float64 `yaml:"logBytes"`
}

// headerBytes is the approximate size of a response's header, requestBytes that of a
// request. The load balancer counts them as well as bodies.
const headerBytes, requestBytes = 600, 900

// Behaviour is what people do: see behaviour.yaml.
type Behaviour struct {
	Order                map[string]float64            `yaml:"order"`
	Paid                 map[string]float64            `yaml:"paid"`
	Read                 map[string]float64            `yaml:"read"`
	User                 map[string]float64            `yaml:"user"`
	Publishes            map[string]map[string]float64 `yaml:"publishes"`
	PublishesPaid        map[string]map[string]float64 `yaml:"publishesPaid"`
	CloudRunLogBytes     float64                       `yaml:"cloudRunLogBytes"`
	LoadBalancerLogBytes float64                       `yaml:"loadBalancerLogBytes"`
	Rollouts             float64                       `yaml:"rollouts"`
	TinyRollouts         float64                       `yaml:"tinyRollouts"`
	MigrateSeconds       float64                       `yaml:"migrateSeconds"`
	BuildMinutes         float64                       `yaml:"buildMinutes"`
}

// Shop is what there is to pay for.
type Shop struct {
	Settings  Settings
	Functions *manifest.Manifest
	Measured  Measured
	// Earlier are earlier measurements, to compare with. They are optional.
	Earlier   *Measured
	Behaviour Behaviour
}

// NewShop returns the shop of a list of functions and settings, with the figures that
// come with the program.
func NewShop(list *manifest.Manifest, settings Settings) (Shop, error) {
	s := Shop{Settings: settings, Functions: list}
	for name, scaling := range settings.Scaling {
		if scaling.CPU != nil && !(cpus(*scaling.CPU) > 0) || scaling.Memory != nil && !(memory(*scaling.Memory) > 0) {
			return s, fmt.Errorf("scaling of %s: cpu is a number such as 1 or 500m, memory such as 256Mi or 1Gi", name)
		}
	}
	if err := strictyaml.Unmarshal(measuredYAML, &s.Measured); err != nil {
		return s, fmt.Errorf("read measured.yaml: %w", err)
	}
	if err := strictyaml.Unmarshal(earlierYAML, &s.Earlier); err != nil {
		return s, fmt.Errorf("read measured_earlier.yaml: %w", err)
	}
	if err := strictyaml.Unmarshal(behaviourYAML, &s.Behaviour); err != nil {
		return s, fmt.Errorf("read behaviour.yaml: %w", err)
	}
	return s, nil
}

// traffic is what a month's usage means for the functions.
type traffic struct {
	// calls are a function's, messages a topic's.
	calls, messages map[string]float64
	// filtered are the deliveries that a subscription's filter leaves out.
	filtered float64
}

// The uptime checks of alerting.tf: from how many of Google's regions they ask, and how
// often, in seconds.
const uptimeChecks, uptimeRegions, uptimePeriod = 2, 3, 300

var uptimePaths = []string{"GET /v1/products", "GET /.well-known/jwks.json"}

// traffic follows calls and messages through functions.yaml.
func (s Shop) traffic(u Usage) (traffic, error) {
	t := traffic{calls: map[string]float64{}, messages: map[string]float64{}}
	if err := s.begin(u, t); err != nil {
		return t, err
	}
	// A call publishes events, which cause other calls. The chain is as long as the list
	// of functions at most, or it would never end.
	called := t.calls
	for range s.Functions.Functions {
		if called = s.follow(called, &t); len(called) == 0 {
			return t, nil
		}
	}
	return t, errors.New("functions.yaml: an event causes itself, over and over")
}

// begin counts the calls that no event causes: people's, uptime checks' and ticks.
func (s Shop) begin(u Usage, t traffic) error {
	for _, share := range []struct {
		n    float64
		each map[string]float64
	}{{u.Orders, s.Behaviour.Order}, {u.paid(s.Settings), s.Behaviour.Paid}, {u.Reads, s.Behaviour.Read}, {u.Users, s.Behaviour.User}} {
		for name, n := range byName(share.each) {
			if f, known := s.Functions.Function(name); !known || f.HTTP == "" {
				return fmt.Errorf("behaviour.yaml: %s is no function that clients call", name)
			}
			t.calls[name] += share.n * n
		}
	}
	for _, f := range s.Functions.Functions {
		if slices.Contains(uptimePaths, f.HTTP) {
			t.calls[f.Name] += seconds / uptimePeriod * uptimeRegions
		}
		if f.Schedule == "" {
			continue
		}
		n, err := ticks(f.Schedule)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		t.calls[f.Name] += n
		t.messages[f.Name] += n
	}
	return nil
}

// follow counts the messages that calls publish and the calls that these cause, and
// returns the latter.
func (s Shop) follow(calls map[string]float64, t *traffic) map[string]float64 {
	caused := map[string]float64{}
	for topic, n := range byName(s.publish(calls)) {
		t.messages[topic] += n
		for _, f := range s.Functions.Functions {
			switch {
			case !slices.Contains(f.Events, topic):
			case len(f.Filter) > 0 && !s.Settings.paid():
				t.filtered += n // Its message has no attribute payment: the only filter there is.
			default:
				caused[f.Name] += n
			}
		}
	}
	for name, n := range caused {
		t.calls[name] += n
	}
	return caused
}

// publish returns the messages that calls publish, by topic.
func (s Shop) publish(calls map[string]float64) map[string]float64 {
	messages := map[string]float64{}
	for name, n := range byName(calls) {
		f, _ := s.Functions.Function(name)
		if n == 0 || f.Schedule != "" {
			continue
		}
		for _, topic := range f.Publishes {
			each, given := s.Behaviour.Publishes[name][topic]
			if ofPaid, differs := s.Behaviour.PublishesPaid[name][topic]; differs && s.Settings.paid() {
				each, given = ofPaid, true
			}
			if !given {
				each = 1
			}
			messages[topic] += n * each
		}
	}
	return messages
}

// byName iterates in the order of names: a sum of floating-point numbers depends on its
// order, and the figures of a page on the sum.
func byName[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// call is what one call of a function takes. One that was not measured counts as the
// dearest of those that were.
func (s Shop) call(name string) Call {
	if call, measured := s.Measured.Functions[name]; measured {
		return call
	}
	var dearest Call
	for _, call := range s.Measured.Functions {
		dearest.Ms = math.Max(dearest.Ms, call.Ms)
		dearest.CPUMs = math.Max(dearest.CPUMs, call.CPUMs)
		dearest.Bytes = math.Max(dearest.Bytes, call.Bytes)
		dearest.LogBytes = math.Max(dearest.LogBytes, call.LogBytes)
	}
	return dearest
}
