// Package manifest reads the list of functions, functions.yaml: what each is
// called, what triggers it and who may call it. Everything that needs to know
// the functions (the services, the gateway, the Pub/Sub set-up) reads them here.
package manifest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Access says who may call an HTTP function. Its zero value lets nobody in.
type Access string

// The rules that functions.yaml may name.
const (
	// Anyone needs no token.
	Anyone Access = "anyone"
	// User needs the token of any account.
	User Access = "user"
	// Admin needs the token of an account with the role admin.
	Admin Access = "admin"
)

const (
	// DefaultMaxBody is the longest request body, in bytes, of a function whose
	// entry gives none.
	DefaultMaxBody = 64 << 10
	// DefaultMaxOpenBody is the same for a function that anyone may call.
	DefaultMaxOpenBody = 16 << 10
	// minMaxBody is the least that an entry may give.
	minMaxBody = 1 << 10
	// maxMaxBody is the longest that Cloud Run takes:
	// https://cloud.google.com/run/quotas#request_limits
	maxMaxBody = 32 << 20
)

// Function is one entry of functions.yaml. Exactly one of HTTP, Events and
// Schedule is set.
type Function struct {
	Name    string `yaml:"name"`
	Service string `yaml:"service"`
	// HTTP is the method and path, a pattern of net/http.ServeMux.
	HTTP   string `yaml:"http"`
	Access Access `yaml:"access"`
	// Events are the topics whose messages trigger the function.
	Events []string `yaml:"events"`
	// Schedule is a cron expression of five fields, in UTC.
	Schedule string `yaml:"schedule"`
	// Secrets are the environment variables that hold secrets the function needs.
	Secrets []string `yaml:"secrets"`
	// MaxBody is the longest request body in bytes, if it is not the default: see
	// BodyLimit.
	MaxBody int64 `yaml:"maxBody"`
	// Publishes are the events that the function tells others of.
	Publishes []string `yaml:"publishes"`
	// Idempotency says whether requests carry an Idempotency-Key: see
	// IdempotencyRule.
	Idempotency Idempotency `yaml:"idempotency"`
	// Cache is for how long caches may serve the responses of a public read: see
	// CacheControl.
	Cache *Cache `yaml:"cache"`
	// Scaling is how the function scales, where that differs from the default: see
	// Manifest.ScalingOf.
	Scaling ScalingOverride `yaml:"scaling"`
}

// Delivery is how Pub/Sub delivers to every subscription.
type Delivery struct {
	AckDeadline         time.Duration `yaml:"ackDeadline"`
	MinBackoff          time.Duration `yaml:"minBackoff"`
	MaxBackoff          time.Duration `yaml:"maxBackoff"`
	MaxDeliveryAttempts int           `yaml:"maxDeliveryAttempts"`
}

// Manifest is the whole list, in the order of the file.
type Manifest struct {
	Delivery Delivery `yaml:"delivery"`
	// Scaling is how Cloud Run services scale by default.
	Scaling   map[Granularity]map[Kind]Scaling `yaml:"scaling"`
	Functions []Function                       `yaml:"functions"`
}

// Parse reads and checks a list. Its error names every fault at once.
func Parse(text []byte) (*Manifest, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var m Manifest
	if err := decoder.Decode(&m); err != nil {
		return nil, fmt.Errorf("read the list of functions: %w", err)
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return &m, nil
}

// Function returns the entry of that name.
func (m *Manifest) Function(name string) (Function, bool) {
	i := slices.IndexFunc(m.Functions, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return Function{}, false
	}
	return m.Functions[i], true
}

// Of returns the functions of one service.
func (m *Manifest) Of(service string) []Function {
	var of []Function
	for _, f := range m.Functions {
		if f.Service == service {
			of = append(of, f)
		}
	}
	return of
}

// Services returns the names of the services, in the order they first appear.
func (m *Manifest) Services() []string {
	var services []string
	for _, f := range m.Functions {
		if !slices.Contains(services, f.Service) {
			services = append(services, f.Service)
		}
	}
	return services
}

// Topics returns every topic there is, sorted: what functions publish to and what
// triggers them.
func (m *Manifest) Topics() []string {
	var topics []string
	for _, f := range m.Functions {
		topics = append(append(topics, f.Publishes...), f.Topics()...)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// Method returns the HTTP method of the function's route, "" without one.
func (f Function) Method() string {
	method, _, _ := strings.Cut(f.HTTP, " ")
	return method
}

// Path returns the path of the function's route, "" without one.
func (f Function) Path() string {
	_, path, _ := strings.Cut(f.HTTP, " ")
	return path
}

// Topics returns the Pub/Sub topics that trigger the function: its events, or,
// for a scheduled function, the topic of its own name that the scheduler
// publishes to. An HTTP function has none.
func (f Function) Topics() []string {
	if f.Schedule != "" {
		return []string{f.Name}
	}
	return f.Events
}

// Subscription returns the name of the function's subscription to a topic.
func (f Function) Subscription(topic string) string { return f.Name + "." + topic }

// DeadLetterTopic returns the topic, and the subscription that keeps it, where
// messages go that the function failed on too often.
func (f Function) DeadLetterTopic(topic string) string {
	return f.Subscription(topic) + ".dead-letter"
}

// Account returns the name of the service account that the Cloud Run service of
// that name runs as, and so of its login to the database. It has at most 30
// characters: https://cloud.google.com/iam/docs/service-accounts-create
// terraform/functions.tf makes it in the same way.
func Account(run string) string {
	const longest = 27
	if len(run) <= longest {
		return "fn-" + run
	}
	return fmt.Sprintf("fn-%.20s-%.3x", run, sha256.Sum256([]byte(run)))
}

func (m *Manifest) check() error {
	var faults []error
	seen := map[string]string{}
	claim := func(key, by string) {
		if other, taken := seen[key]; taken {
			faults = append(faults, fmt.Errorf("%s: %s is taken by %s", by, key, other))
		}
		seen[key] = by
	}
	routes := http.NewServeMux()
	for _, f := range m.Functions {
		claim("name "+f.Name, f.Name)
		if f.HTTP != "" {
			if err := addRoute(routes, f.HTTP); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", f.Name, err))
			}
		}
		faults = append(faults, f.check()...)
	}
	for _, f := range m.Functions {
		for _, topic := range f.Events {
			if !slices.ContainsFunc(m.Functions, func(other Function) bool { return slices.Contains(other.Publishes, topic) }) {
				faults = append(faults, fmt.Errorf("%s: waits for %s, which no function publishes", f.Name, topic))
			}
		}
	}
	faults = append(faults, m.Delivery.check()...)
	faults = append(faults, m.checkScaling()...)
	return errors.Join(faults...)
}

// check keeps delivery within what Pub/Sub takes:
// https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
func (d Delivery) check() []error {
	var faults []error
	need := func(ok bool, rule string, got any) {
		if !ok {
			faults = append(faults, fmt.Errorf("delivery: need %s, got %v", rule, got))
		}
	}
	need(10*time.Second <= d.AckDeadline && d.AckDeadline <= 600*time.Second, "an ackDeadline of 10s to 600s", d.AckDeadline)
	need(0 < d.MinBackoff && d.MinBackoff <= d.MaxBackoff, "0 < minBackoff <= maxBackoff", d.MinBackoff)
	need(d.MaxBackoff <= 600*time.Second, "a maxBackoff of at most 600s", d.MaxBackoff)
	need(5 <= d.MaxDeliveryAttempts && d.MaxDeliveryAttempts <= 100, "maxDeliveryAttempts of 5 to 100", d.MaxDeliveryAttempts)
	return faults
}

var routeForm = regexp.MustCompile(`^[A-Z]+ /\S*$`)

// addRoute adds a pattern to a mux. The mux tells one that is malformed, or that
// takes the same requests as another, by a panic: here it is an error.
func addRoute(mux *http.ServeMux, pattern string) (err error) {
	if !routeForm.MatchString(pattern) {
		return fmt.Errorf("route %q: need a method and a path, such as GET /v1/things/{id}", pattern)
	}
	defer func() {
		if fault := recover(); fault != nil {
			text := fmt.Sprint(fault)
			// Of a conflict, the lines before tell where in this source it was seen.
			err = fmt.Errorf("route %q: %s", pattern, text[strings.LastIndex(text, "\n")+1:])
		}
	}()
	mux.Handle(pattern, http.NotFoundHandler())
	return nil
}

func (f Function) check() []error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: "+format, append([]any{f.Name}, args...)...))
	}
	triggers := 0
	for _, set := range []bool{f.HTTP != "", len(f.Events) > 0, f.Schedule != ""} {
		if set {
			triggers++
		}
	}
	if triggers != 1 {
		fault("need exactly one of http, events and schedule, got %d", triggers)
	}
	if f.Name == "" || f.Service == "" {
		fault("name and service are required")
	}
	if f.HTTP != "" && !slices.Contains([]Access{Anyone, User, Admin}, f.Access) {
		fault("route %q has no authorization rule: set access to anyone, user or admin, got %q", f.HTTP, f.Access)
	}
	if f.MaxBody != 0 && (f.HTTP == "" || f.MaxBody < minMaxBody || f.MaxBody > maxMaxBody) {
		fault("maxBody is for http functions, and from %d to %d bytes", minMaxBody, maxMaxBody)
	}
	faults = append(faults, f.checkRequest()...)
	faults = append(faults, f.checkCache()...)
	if f.HTTP == "" && f.Access != "" {
		fault("access is for http functions: events and schedules are called by Pub/Sub alone")
	}
	return faults
}
