// Package load puts load on a running shop as its customers do, over HTTP, and checks
// afterwards that its stock adds up.
//
// In a closed loop each user starts when its last visit has ended. In an open loop visits are
// due at a rate, whether or not earlier ones have ended. Latency is measured from when a
// request was due: a request that waits because the shop is slow is a slow request.
// Orders are counted end to end, from the request to the confirmation that the customer reads.
package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Scenario is what the users do.
type Scenario string

// The scenarios.
const (
	// Browse lists products and reads one.
	Browse Scenario = "browse"
	// Checkout reads products, orders one, and reads the order until it is decided.
	Checkout Scenario = "checkout"
	// FlashSale orders the same product, of which there is little.
	FlashSale Scenario = "flash-sale"
)

// Scenarios returns all scenarios.
func Scenarios() []Scenario { return []Scenario{Browse, Checkout, FlashSale} }

// Limits of a load, so that a mistyped number does not stop the machine. MaxDuration is less
// than the lifetime of an access token.
const (
	MaxUsers    = 500
	MinRate     = 0.01 // but for 0
	MaxRate     = 5000
	MaxStock    = 1_000_000
	MaxDuration = 10 * time.Minute
)

const (
	defaultUsers    = 10
	defaultDuration = 10 * time.Second
	defaultInterval = time.Second
	defaultSettle   = 60 * time.Second
	flashSaleStock  = 200
	checkoutStock   = 100_000
)

// Target is a running shop.
type Target struct {
	// Gateway is its URL.
	Gateway string
	// Email and Password are the login of an admin, who creates the products.
	Email, Password string
	// Customers creates accounts and returns an access token of each: the shop limits the
	// open orders of an account, and its logins.
	Customers func(ctx context.Context, count int) (tokens []string, err error)
	// Transport sends the requests; nil opens connections to the gateway.
	Transport http.RoundTripper
}

// Options configures a load. Zero values have defaults.
type Options struct {
	Target   Target
	Scenario Scenario
	// Users is the number of users in a closed loop, and the most visits at the same time in
	// an open one.
	Users int
	// Rate is the number of visits a second in an open loop; 0 selects the closed loop.
	Rate float64
	// Duration is how long visits start.
	Duration time.Duration
	// Stock is the stock of each product that is created.
	Stock int64
	// Settle is how long orders may take to be decided after Duration.
	Settle time.Duration
	// Progress receives the state once per Interval, from one goroutine at a time.
	Progress func(Snapshot)
	Interval time.Duration
	// Abort ends the load at once when it is closed: what is not decided is a problem in the
	// result, and products remain. Nil: never.
	Abort <-chan struct{}
}

func (o Options) withDefaults() Options {
	o.Users = cmp.Or(o.Users, defaultUsers)
	o.Duration = cmp.Or(o.Duration, defaultDuration)
	o.Interval = cmp.Or(o.Interval, defaultInterval)
	o.Settle = cmp.Or(o.Settle, defaultSettle)
	stock := int64(checkoutStock)
	if o.Scenario == FlashSale {
		stock = flashSaleStock
	}
	o.Stock = cmp.Or(o.Stock, stock)
	if o.Progress == nil {
		o.Progress = func(Snapshot) {}
	}
	return o
}

// Check returns an error that names every option that is out of its limits.
func (o Options) Check() error {
	o = o.withDefaults()
	var errs []error
	if !slices.Contains(Scenarios(), o.Scenario) {
		errs = append(errs, fmt.Errorf("the scenario is %q, want one of %s", o.Scenario, names()))
	}
	for _, limit := range []struct {
		name            string
		value, min, max float64
	}{
		{"users", float64(o.Users), 1, MaxUsers},
		{"rate", o.Rate, 0, MaxRate},
		{"stock", float64(o.Stock), 1, MaxStock},
		{"duration in seconds", o.Duration.Seconds(), 0.1, MaxDuration.Seconds()},
	} {
		if !(limit.value >= limit.min && limit.value <= limit.max) {
			errs = append(errs, fmt.Errorf("%s must be %g to %g, got %g", limit.name, limit.min, limit.max, limit.value))
		}
	}
	if o.Rate > 0 && o.Rate < MinRate {
		errs = append(errs, fmt.Errorf("rate must be 0, or at least %g, got %g", MinRate, o.Rate))
	}
	return errors.Join(errs...)
}

func names() string {
	var all []string
	for _, scenario := range Scenarios() {
		all = append(all, string(scenario))
	}
	return strings.Join(all, ", ")
}

// run is one load while it runs.
type run struct {
	options  Options
	client   *client
	figures  *figures
	products []*product
	users    *users
	begin    time.Time
}

// Run puts load on a shop until Duration has passed or ctx is done, waits until all orders
// are decided, checks the stock and archives the products that it created. The error reports
// that the load could not be run; whether the stock adds up is in the result.
func Run(ctx context.Context, options Options) (Result, error) {
	if err := options.Check(); err != nil {
		return Result{}, err
	}
	r := &run{options: options.withDefaults(), figures: newFigures()}
	r.client = newClient(r.options.Target, r.options.Users, r.figures)
	defer r.client.close()
	lasting, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	go func() {
		select {
		case <-options.Abort:
			abort()
		case <-lasting.Done():
		}
	}()
	if err := r.prepare(ctx); err != nil {
		return Result{}, errors.Join(err, r.cleanUp(lasting))
	}
	return r.load(ctx, lasting)
}

// load visits the prepared shop until ctx is done. What lasts longer ends when lasting is.
func (r *run) load(ctx, lasting context.Context) (Result, error) {
	r.begin = time.Now()
	visiting, stopVisiting := context.WithTimeout(ctx, r.options.Duration)
	defer stopVisiting()
	// Visits that have started, and their orders, have Settle to end.
	settled, cancel := context.WithCancel(lasting)
	defer cancel()
	settling := make(chan *time.Timer, 1)
	context.AfterFunc(visiting, func() { settling <- time.AfterFunc(r.options.Settle, cancel) })
	defer func() { stopVisiting(); (<-settling).Stop() }()
	watched, stopWatching := context.WithCancel(settled)
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(watched) })
	err := r.visits(visiting, settled)
	elapsed := time.Since(r.begin)
	stopWatching()
	watching.Wait()
	if err != nil {
		return Result{}, errors.Join(err, r.cleanUp(lasting))
	}
	r.readStock(settled)
	result := r.result(elapsed)
	return result, r.cleanUp(lasting)
}

// watch reports the progress and samples the stock until ctx is done.
func (r *run) watch(ctx context.Context) {
	tick := time.NewTicker(r.options.Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.readStock(ctx)
			r.options.Progress(r.snapshot())
		case <-ctx.Done():
			return
		}
	}
}
