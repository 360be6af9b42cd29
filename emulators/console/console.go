// Package console is the local console: pages that show a running system live.
//
// A page is one file, page_NAME.go, with a function that returns its page, in the list
// pages; its template page/NAME.html, which defines "content"; and, if it needs one, its
// script asset/NAME.js, which is loaded after console.js and chart.js. A new page:
//
//  1. Write page_NAME.go: func namePage(c *Console) page {...}. view returns the data of the
//     template, events sends live data to the script, actions change something.
//  2. Add the function to pages, below. Navigation, number key, routes, headers, the token
//     check of actions and the tests in the browser follow from the list.
//  3. What it shows comes from Options. A source that is nil is unknown, such as in a system
//     of containers: the page then says so with {{template "missing" "text"}}.
//
// In the script, live({name: data => ...}) receives the events and act("NAME/ACTION", {...})
// performs an action. Only events of open pages cost something: Watching reports whether
// there are any.
package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"souk/emulators/cloudrun"
	"souk/emulators/console/dbstats"
	"souk/emulators/console/messages"
	"souk/emulators/hostcheck"
	"souk/emulators/load"
	"souk/emulators/pubsub"
	"souk/emulators/trace"
	"souk/shared/database"
	"souk/shared/manifest"
	"souk/shared/trail"
)

// pages are the pages in the order of the navigation. The first is served at /.
var pages = []func(*Console) page{
	systemPage, functionsPage, tracesPage, ordersPage, trailPage, webhooksPage, pubsubPage, databasesPage, logsPage, loadPage, labPage,
}

// Options configures a console. A source that is nil is not available.
type Options struct {
	Manifest *manifest.Manifest
	// Token is the secret of the link that allows actions. It must not be empty.
	Token string
	// Private makes the console respond only to browsers that have opened the link with the
	// token: in a network of containers, not only browsers of this machine reach it.
	Private bool
	// Hosts are allowed host names in addition to those of this machine.
	Hosts hostcheck.Hosts
	// Links are shown below the navigation.
	Links []Link
	// Logger receives errors of the console. Nil discards them.
	Logger *slog.Logger

	// Functions returns the state of all functions.
	Functions func() []cloudrun.Status
	// Topics returns the state of all topics and subscriptions.
	Topics func() pubsub.Stats
	// RunSchedule calls a scheduled function now.
	RunSchedule func(ctx context.Context, function string) error
	// Load is the shop that the load page sends requests to, and that sends deliveries of webhooks again.
	Load *load.Target
	// Lab runs the experiments of the lab page.
	Lab *Lab
	// FunctionLog is the path of the log of all functions.
	FunctionLog string
	// Traces are the recorded traces.
	Traces *trace.Store
	// Databases are the URLs of the services' databases, by service, for a login that may
	// read all of them and the server's state.
	Databases map[string]database.URL
	// Trails are sources of the trails of services, by service, besides their tables trail.
	Trails map[string]trail.Source
	// Messages reads and changes what is in Pub/Sub. The console closes it.
	Messages *messages.Source
	// Undelivered returns the messages that are not acknowledged and match.
	Undelivered func(match func(attributes map[string]string) bool) []pubsub.Peeked
	// MailURL is the URL of the local mail server, MailPage that for browsers if it is another.
	MailURL, MailPage string

	// period is the time between two samples, sendTimeout the time in which a client must
	// read an event. They are for tests: samplePeriod, sendTimeout.
	period, sendTimeout time.Duration
}

// Link is a link to another page of the system.
type Link struct{ Title, URL string }

// Console is the handler of all pages.
type Console struct {
	options  Options
	log      *slog.Logger
	pages    []page
	sheets   map[string]*template.Template
	assets   map[string]asset
	handler  http.Handler
	sampler  *sampler
	watchers atomic.Int64
	// databases is nil without Options.Databases.
	databases *dbstats.Reader
	// job is the load or experiment that runs.
	job job
	// closed ends the streams of events and the sampler.
	closed  chan struct{}
	closing sync.Once
	work    sync.WaitGroup
}

// New returns a new console. Callers must close it after use.
func New(options Options) (*Console, error) {
	if options.Token == "" {
		return nil, errors.New("console: the token is empty")
	}
	options.sendTimeout = cmp.Or(options.sendTimeout, sendTimeout)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Console{options: options, log: options.Logger, closed: make(chan struct{})}
	c.sampler = newSampler(c.read, c.Watching)
	c.sampler.period = cmp.Or(options.period, samplePeriod)
	for _, describe := range pages {
		c.pages = append(c.pages, describe(c))
	}
	var err error
	if len(options.Databases) > 0 {
		if c.databases, err = dbstats.Open(options.Databases); err != nil {
			return nil, fmt.Errorf("open the databases for the console: %w", err)
		}
	}
	if c.assets, err = readAssets(); err != nil {
		return nil, fmt.Errorf("read the files of the console: %w", err)
	}
	if c.sheets, err = c.parsePages(); err != nil {
		return nil, fmt.Errorf("read the pages of the console: %w", err)
	}
	c.handler = c.protect(c.routes())
	c.work.Go(func() { c.sampler.run(c.closed) })
	return c, nil
}

// read returns the state of all sources.
func (c *Console) read() reading {
	r := reading{at: float64(time.Now().UnixMilli()) / 1000}
	if c.options.Functions != nil {
		r.functions = c.options.Functions()
	}
	if c.options.Topics != nil {
		r.topics = c.options.Topics()
	}
	return r
}

// ServeHTTP serves pages, events and actions.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// Watching reports whether a page with live data is open.
func (c *Console) Watching() bool { return c.watchers.Load() > 0 }

// Close ends the streams of events and the sampler, and closes the sources.
func (c *Console) Close() {
	c.closing.Do(func() {
		close(c.closed)
		c.work.Wait()
		if err := c.closeSources(); err != nil {
			c.log.Warn("close the sources of the console", "error", err)
		}
	})
}

// closeSources closes connections to Pub/Sub and to the databases.
func (c *Console) closeSources() error {
	var errs []error
	if c.options.Messages != nil {
		errs = append(errs, c.options.Messages.Close())
	}
	if c.databases != nil {
		errs = append(errs, c.databases.Close())
	}
	return errors.Join(errs...)
}

// routes returns the handler of all routes.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	for i, p := range c.pages {
		if i == 0 {
			mux.Handle("GET /{$}", c.servePage(p))
		}
		mux.Handle("GET /"+p.name, c.servePage(p))
		if p.events != nil {
			mux.Handle("GET /"+p.name+"/events", c.serveEvents(p))
		}
		for name, do := range p.actions {
			mux.Handle("POST "+actionPath(p, name), c.serveAction(do))
		}
		for pattern, handler := range p.routes {
			mux.Handle(pattern, handler)
		}
	}
	for name := range c.assets {
		mux.Handle("GET /asset/"+name, c.serveAsset(name))
	}
	return mux
}
