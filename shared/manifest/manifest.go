// Package manifest reads functions.yaml, the list of functions: their names, triggers and
// access rules. The services, the gateway and the Pub/Sub set-up use it.
package manifest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Database reports whether a function uses the database of its service. The zero value
// means that it does.
type Database string

// NoDatabase is the value of a function without a database: it has no login and starts
// without a database.
const NoDatabase Database = "none"

// Inbox reports whether a function that events trigger records them in the inbox of its service. The
// zero value means that it does.
type Inbox string

// NoInbox is the value of a function that records events elsewhere, or not at all: processing one
// twice has the effect of once.
const NoInbox Inbox = "none"

const (
	// DefaultMaxBody is the largest request body, in bytes, of a function without maxBody.
	DefaultMaxBody = 64 << 10
	// DefaultMaxOpenBody is the same for a function that anyone may call.
	DefaultMaxOpenBody = 16 << 10
	// minMaxBody is the smallest allowed maxBody.
	minMaxBody = 1 << 10
	// maxMaxBody is the largest body that Cloud Run accepts:
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
	// Others is the permission with which staff and API keys may use a function of the rules User
	// and Checkout for the resources of others. Without it they may not.
	Others Permission `yaml:"others" json:",omitempty"`
	// Authentication is how a function that anyone may call treats access tokens.
	Authentication Authentication `yaml:"authentication"`
	// Events are the topics whose messages trigger the function.
	Events []string `yaml:"events"`
	// Filter selects the messages of the topics in Events that trigger the function. All
	// others are acknowledged without it.
	Filter Filter `yaml:"filter" json:",omitempty"`
	// Schedule is a cron expression of five fields, in UTC.
	Schedule string `yaml:"schedule"`
	// Secrets are the environment variables with the function's secrets.
	Secrets []string `yaml:"secrets"`
	// Database is NoDatabase for a function that does not use the database.
	Database Database `yaml:"database"`
	// Inbox is NoInbox for a function that does not record its events in the inbox.
	Inbox Inbox `yaml:"inbox" json:",omitempty"`
	// MaxBody is the largest request body in bytes, 0 for the default: see BodyLimit.
	MaxBody int64 `yaml:"maxBody"`
	// LowPriority lets other functions use the CPU first where instances share one: on a
	// local machine.
	LowPriority bool `yaml:"lowPriority"`
	// Publishes are the topics of the events that the function publishes.
	Publishes []string `yaml:"publishes"`
	// Idempotency is the rule for the Idempotency-Key of requests: see IdempotencyRule.
	Idempotency Idempotency `yaml:"idempotency"`
	// Cache limits how long caches may serve the responses of a public read: see
	// CacheControl.
	Cache *Cache `yaml:"cache"`
	// Scaling overrides the default scaling: see Manifest.ScalingOf.
	Scaling ScalingOverride `yaml:"scaling"`
}

// Manifest is the content of functions.yaml, in the order of the file.
type Manifest struct {
	Delivery Delivery `yaml:"delivery"`
	// Scaling is the default scaling of run services.
	Scaling map[Granularity]map[Kind]Scaling `yaml:"scaling"`
	// RestrictedColumns are columns that few functions may read or write: see Rights.
	RestrictedColumns []RestrictedColumn `yaml:"restrictedColumns"`
	// ImmutableTables are tables whose rows no function may change or delete.
	ImmutableTables []ImmutableTable `yaml:"immutableTables"`
	Functions       []Function       `yaml:"functions"`
}

// Function returns the function with a name and reports whether it exists.
func (m *Manifest) Function(name string) (Function, bool) {
	i := slices.IndexFunc(m.Functions, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return Function{}, false
	}
	return m.Functions[i], true
}

// FunctionsOf returns the functions of one service.
func (m *Manifest) FunctionsOf(service string) []Function {
	var functions []Function
	for _, f := range m.Functions {
		if f.Service == service {
			functions = append(functions, f)
		}
	}
	return functions
}

// Services returns the names of the services, in order of first appearance.
func (m *Manifest) Services() []string {
	var services []string
	for _, f := range m.Functions {
		if !slices.Contains(services, f.Service) {
			services = append(services, f.Service)
		}
	}
	return services
}

// Topics returns all topics, sorted: those that functions publish to and those that
// trigger them.
func (m *Manifest) Topics() []string {
	var topics []string
	for _, f := range m.Functions {
		topics = append(append(topics, f.Publishes...), f.Topics()...)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// Publishers returns the functions that publish to each topic, in the order of the file.
func (m *Manifest) Publishers() map[string][]Function {
	publishers := map[string][]Function{}
	for _, f := range m.Functions {
		for _, topic := range f.Publishes {
			publishers[topic] = append(publishers[topic], f)
		}
	}
	return publishers
}

// Method returns the HTTP method of the function's route, or "" without one.
func (f Function) Method() string {
	method, _, _ := strings.Cut(f.HTTP, " ")
	return method
}

// Path returns the path of the function's route, or "" without one.
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

// DeadLetterTopic returns the name of the topic, and of its subscription, for messages on
// which the function failed too often.
func (f Function) DeadLetterTopic(topic string) string {
	return f.Subscription(topic) + ".dead-letter"
}

// Account returns the name of the service account of a run service, which is also its
// login to the database. It has at most 30 characters:
// https://cloud.google.com/iam/docs/service-accounts-create
// terraform/functions.tf derives it in the same way.
func Account(run string) string {
	const longest = 27
	if len(run) <= longest {
		return "fn-" + run
	}
	return fmt.Sprintf("fn-%.20s-%.3x", run, sha256.Sum256([]byte(run)))
}

// Check returns all problems of the manifest.
func (m *Manifest) Check() error {
	var errs []error
	seen := map[string]string{}
	claim := func(key, owner string) {
		if other, taken := seen[key]; taken {
			errs = append(errs, fmt.Errorf("%s: %s is already used by %s", owner, key, other))
		}
		seen[key] = owner
	}
	routes := http.NewServeMux()
	for _, f := range m.Functions {
		claim("name "+f.Name, f.Name)
		if slices.Contains(m.Services(), f.Name) {
			errs = append(errs, fmt.Errorf("%s: is the name of a service: give the function another one", f.Name))
		}
		if f.HTTP != "" {
			if err := addRoute(routes, f.HTTP); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", f.Name, err))
			}
		}
		errs = append(errs, f.check()...)
	}
	for _, f := range m.Functions {
		for _, topic := range f.Events {
			if !slices.ContainsFunc(m.Functions, func(other Function) bool { return slices.Contains(other.Publishes, topic) }) {
				errs = append(errs, fmt.Errorf("%s: waits for %s, which no function publishes", f.Name, topic))
			}
		}
	}
	errs = append(errs, m.Delivery.check()...)
	errs = append(errs, m.checkScaling()...)
	errs = append(errs, m.checkRestrictedColumns()...)
	errs = append(errs, m.checkImmutableTables()...)
	return errors.Join(errs...)
}

var routeForm = regexp.MustCompile(`^[A-Z]+ /\S*$`)

// addRoute adds a pattern to a mux. It returns an error where the mux panics: for a
// malformed pattern and for one that conflicts with another.
func addRoute(mux *http.ServeMux, pattern string) (err error) {
	if !routeForm.MatchString(pattern) {
		return fmt.Errorf("route %q: need a method and a path, such as GET /v1/things/{id}", pattern)
	}
	defer func() {
		if recovered := recover(); recovered != nil {
			text := fmt.Sprint(recovered)
			// The last line describes the problem, those before it the place in this source.
			err = fmt.Errorf("route %q: %s", pattern, text[strings.LastIndex(text, "\n")+1:])
		}
	}()
	mux.Handle(pattern, http.NotFoundHandler())
	return nil
}

func (f Function) check() []error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{f.Name}, args...)...))
	}
	triggers := 0
	for _, set := range []bool{f.HTTP != "", len(f.Events) > 0, f.Schedule != ""} {
		if set {
			triggers++
		}
	}
	if triggers != 1 {
		fail("need exactly one of http, events and schedule, got %d", triggers)
	}
	if f.Name == "" || f.Service == "" {
		fail("name and service are required")
	}
	if f.MaxBody != 0 && (f.HTTP == "" || f.MaxBody < minMaxBody || f.MaxBody > maxMaxBody) {
		fail("maxBody is for http functions, and from %d to %d bytes", minMaxBody, maxMaxBody)
	}
	errs = append(errs, f.checkAccess()...)
	errs = append(errs, f.checkRequest()...)
	errs = append(errs, f.checkCache()...)
	errs = append(errs, f.checkFilter()...)
	return errs
}
