package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/googleapis/gax-go/v2"

	"souk/emulators/lab/chart"
	"souk/emulators/load"
	"souk/emulators/local"
	"souk/shared/database"
)

var network = Experiment{
	Name:  "network",
	Title: "Service communication and networking",
	Hypothesis: `In a chain of synchronous calls, the customer waits for every service, and an order fails when one of them does. ` +
		`With events, the customer waits for one service: when another is slow or down, orders are accepted and decided later. ` +
		`Retries, as a mesh sends them, hide lost responses; without idempotency they take units twice.`,
	Settings: []Setting{
		{"only the load balancer reaches functions for clients, only Pub/Sub the others", "terraform/cloud_run.tf", `ingress = local.open[each.key] ?`},
		{"only Pub/Sub's account may invoke push functions", "terraform/iam.tf", `role     = "roles/run.invoker"`},
		{"how long a request may take", "terraform/cloud_run.tf", `timeout = each.value.kind == "http" ? "60s"`},
		{"how events are delivered again", "terraform/pubsub.tf", "minimum_backoff = local.manifest.delivery.minBackoff"},
		{"how clients' connections are encrypted", "terraform/load_balancer.tf", `min_tls_version = "TLS_1_2"`},
	},
	run: runNetwork,
}

// networkUsers is the number of customers at the same time, few enough that nothing queues.
const networkUsers = 2

// networkRun is one run of the experiment.
type networkRun struct {
	*shop
	report *Report
	routes *routes
	chain  *chain
	table  Table
	// The figures of the cases, in order.
	cases                                  []string
	chainResponse, shopResponse, decisions []float64
	chainAvailable, shopAvailable          []float64
}

func runNetwork(ctx context.Context, e *Env, r *Report) (err error) {
	x := &networkRun{report: r, routes: newRoutes(ctx), table: Table{
		Title:   "The customer's view, in ms and in % of orders accepted",
		Columns: []string{"case", "chain: response p50", "chain: accepted", "Souk: response p50", "Souk: confirmed p50", "Souk: accepted"},
	}}
	defer func() { err = errors.Join(err, x.routes.close()) }()
	x.shop, err = e.startShop(ctx, func(o *local.Options) {
		o.Route = x.routes.route
		list := *o.Manifest
		list.Delivery.MinBackoff, list.Delivery.MaxBackoff = 100*time.Millisecond, time.Second
		o.Manifest = &list
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.close(context.WithoutCancel(ctx))) }()
	if x.chain, err = startChain(ctx, database.URL(x.status.Database.DSN), x.routes); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.chain.close(context.WithoutCancel(ctx))) }()
	if err := x.latencies(ctx); err != nil {
		return err
	}
	if err := x.slow(ctx); err != nil {
		return err
	}
	if err := x.down(ctx); err != nil {
		return err
	}
	if err := x.lossy(ctx); err != nil {
		return err
	}
	x.conclude()
	return x.audit(ctx, r)
}

// duration returns how long each case is loaded.
func (x *networkRun) duration() time.Duration { return pick(x.env, 5*time.Second, time.Second) }

// measure runs one case: orders in the chain, then in the shop.
func (x *networkRun) measure(ctx context.Context, name string) (chainResult, load.Result, error) {
	x.env.progress("%s", name)
	fromChain, err := x.chain.order(ctx, networkUsers, x.duration())
	if err != nil {
		return fromChain, load.Result{}, err
	}
	result, _, err := x.order(ctx, 0).wait()
	if err != nil {
		return fromChain, result, err
	}
	x.add(name, fromChain, result)
	return fromChain, result, nil
}

// order starts a load through the proxy to the gateway: at a rate, or of the same number of
// customers as in the chain.
func (x *networkRun) order(ctx context.Context, rate float64) *drive {
	options := load.Options{
		Scenario: load.FlashSale, Users: networkUsers, Duration: x.duration(), Stock: 100_000, Settle: time.Minute,
		Interval: 200 * time.Millisecond,
	}
	if rate > 0 {
		options.Rate, options.Users = rate, load.MaxUsers
	}
	return x.drive(ctx, options, "http://"+x.routes.address(strings.TrimPrefix(x.status.Gateway, "http://")))
}

// add adds a case to the table.
func (x *networkRun) add(name string, c chainResult, s load.Result) {
	x.cases = append(x.cases, name)
	response, decision := s.Operation("order-place").Latency.P50, s.Operation("decision").Latency.P50
	accepted := 100 * float64(s.Orders.Placed) / max(float64(s.Orders.Placed+s.Orders.Refused+s.Orders.Unknown), 1)
	chainAccepted := 100 * float64(c.confirmed) / max(float64(c.sent), 1)
	x.chainResponse = append(x.chainResponse, median(c.latencies))
	x.shopResponse = append(x.shopResponse, response)
	x.decisions = append(x.decisions, decision)
	x.chainAvailable = append(x.chainAvailable, chainAccepted)
	x.shopAvailable = append(x.shopAvailable, accepted)
	x.table.Add(name, milli(median(c.latencies)), fmt.Sprintf("%.0f %%", chainAccepted), milli(response), milli(decision), fmt.Sprintf("%.0f %%", accepted))
	x.report.addsUp(s)
}

// latencies adds latency to every hop.
func (x *networkRun) latencies(ctx context.Context) error {
	for _, delay := range pick(x.env, []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond}, []time.Duration{0, 5 * time.Millisecond}) {
		x.routes.setDelay(delay)
		c, s, err := x.measure(ctx, fmt.Sprintf("%d ms on each hop", delay.Milliseconds()))
		if err != nil {
			return err
		}
		x.report.count(c.confirmed == c.sent && s.Orders.Placed == s.Orders.Confirmed, "with %s on each hop every order is confirmed: %d in the chain, %d in Souk",
			delay, c.confirmed, s.Orders.Confirmed)
	}
	unused := x.routes.unused()
	x.report.count(len(unused) == 0, "every hop of an order has the latency, from the customer to the gateway and on: %s%s", joined(local.Hops()), listed(unused))
	last := len(x.cases) - 1
	added := pick(x.env, 50.0, 5.0)
	x.report.find("%s added to each hop cost the customer of the chain %s ms (%.0f round trips in a row), and the customer of Souk %s ms until the order is accepted "+
		"and %s ms until it is confirmed: each event is a commit, a publication and a push of its own. Events do not make an order faster. They decide who waits.",
		time.Duration(added)*time.Millisecond, milli(x.chainResponse[last]-x.chainResponse[0]), (x.chainResponse[last]-x.chainResponse[0])/added,
		milli(x.shopResponse[last]-x.shopResponse[0]), milli(x.decisions[last]-x.decisions[0]))
	x.report.compare(slices.Min(x.chainResponse) >= 0 && x.chainResponse[last] >= x.chainResponse[0]+10*added,
		"a chain of three services pays a hop's latency ten times and more")
	x.report.compare(x.shopResponse[last] >= x.shopResponse[0]+3*added, "an order in Souk waits for the hops to the gateway, to the function and to the database")
	x.routes.setDelay(0)
	return nil
}

// slow makes the stock service slow.
func (x *networkRun) slow(ctx context.Context) error {
	const wait = 500 * time.Millisecond
	x.chain.slow.Store(int64(wait))
	x.routes.push("stock-reserve").setDelay(wait)
	c, s, err := x.measure(ctx, "stock 500 ms slower")
	x.chain.slow.Store(0)
	x.routes.push("stock-reserve").setDelay(0)
	if err != nil {
		return err
	}
	response, decision := s.Operation("order-place").Latency.P50, s.Operation("decision").Latency.P50
	x.report.count(slices.Min(c.latencies) >= 500 && decision >= 500, "with a slow stock service the chain's customer waits for it, and so does the decision on an order in Souk")
	x.report.compare(response < 250, "the response to an order in Souk does not wait for the stock service: p50 %s ms", milli(response))
	return nil
}

// down takes the stock service away while orders are placed.
func (x *networkRun) down(ctx context.Context) error {
	x.env.progress("stock is down")
	x.chain.stock.setDown(true)
	c, err := x.chain.order(ctx, networkUsers, x.duration())
	x.chain.stock.setDown(false)
	if err != nil {
		return err
	}
	push := x.routes.push("stock-reserve")
	d := x.order(ctx, 20)
	if err := until(ctx, time.Minute, "orders are placed", func() (bool, error) { return d.last().Orders.Confirmed > 0, nil }); err != nil {
		return errors.Join(err, discard(d))
	}
	push.setDown(true)
	before := d.last().Orders
	err = gax.Sleep(ctx, x.duration()/2)
	after := d.last().Orders
	push.setDown(false)
	result, _, failed := d.wait()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	x.add("stock down, then back", c, result)
	x.report.count(c.confirmed == 0, "with the stock service down no order of the chain succeeds: %d of %d", c.confirmed, c.sent)
	x.report.count(result.Orders.Refused+result.Orders.Unknown == 0 && undecided(result.Orders) == 0,
		"Souk accepts every order meanwhile, and decides it when stock is back: %d placed, %d confirmed", result.Orders.Placed, result.Orders.Confirmed)
	x.report.find("While stock was down the chain refused all of %d orders. Souk accepted %d in that time and confirmed %d of them; the others when it was back.",
		c.sent, after.Placed-before.Placed, after.Confirmed-before.Confirmed)
	return nil
}

func discard(d *drive) error {
	_, _, err := d.stop()
	return err
}

// lossy loses every third response of the stock service after its effect, with and without
// retries.
func (x *networkRun) lossy(ctx context.Context) error {
	x.env.progress("every third response of stock is lost")
	table := Table{
		Title: "Every third response of the stock service is lost after its effect", Columns: []string{"calls", "accepted", "units taken", "units in accepted orders"},
	}
	x.chain.lossy.Store(3)
	var results []chainResult
	for _, attempts := range []int64{1, 3} {
		x.chain.attempts.Store(attempts)
		got, err := x.chain.order(ctx, networkUsers, x.duration()/2)
		if err != nil {
			return err
		}
		table.Add(map[int64]string{1: "once", 3: "up to three times"}[attempts], fmt.Sprintf("%d of %d", got.confirmed, got.sent), got.taken, got.confirmed)
		results = append(results, got)
	}
	x.chain.lossy.Store(0)
	x.chain.attempts.Store(1)
	x.report.Tables = append(x.report.Tables, table)
	once, thrice := results[0], results[1]
	x.report.count(thrice.confirmed == thrice.sent && thrice.taken > int64(thrice.confirmed),
		"retries make the lossy service available, and without idempotency take too much: %d units for %d orders", thrice.taken, thrice.confirmed)
	x.report.find("A mesh adds mutual TLS, timeouts, retries and outlier detection without code. Its retries raised the share of accepted orders from %.0f %% to %.0f %%, "+
		"and took %d units for %d orders: only the services can make a retry safe. It would not have helped while stock was down. "+
		"In Souk the key of a request and the inbox of a consumer make every retry safe, and Pub/Sub is what retries.",
		100*float64(once.confirmed)/max(float64(once.sent), 1), 100*float64(thrice.confirmed)/max(float64(thrice.sent), 1), thrice.taken, thrice.confirmed)
	return nil
}

// conclude adds the table and the charts.
func (x *networkRun) conclude() {
	x.report.Tables = append([]Table{x.table}, x.report.Tables...)
	x.report.Charts = append(x.report.Charts, chart.Chart{
		Name: "network-latency", Title: "What the customer waits for",
		Description: "The response of the chain grows with each hop's latency and with a slow service; Souk's response with its own hops only.",
		YLabel:      "ms (median)", Categories: x.cases,
		Series: []chart.Series{{Name: "chain: response", Y: x.chainResponse}, {Name: "Souk: response", Y: x.shopResponse}, {Name: "Souk: confirmed", Y: x.decisions}},
	}, chart.Chart{
		Name: "network-availability", Title: "Orders that are accepted",
		Description: "All orders are accepted in all cases but one: the chain accepts none while stock is down.",
		YLabel:      "% of orders", Categories: x.cases,
		Series: []chart.Series{{Name: "chain", Y: x.chainAvailable}, {Name: "Souk", Y: x.shopAvailable}},
	})
}

// median returns the median, 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
