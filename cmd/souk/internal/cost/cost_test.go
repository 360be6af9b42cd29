package cost

import (
	"math"
	"slices"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/manifest/manifestfile"
)

const terraform = "../../../../terraform"

// small is a shop of three functions, with figures that are easy to reckon with.
func small(t *testing.T, change func(*Shop)) Shop {
	t.Helper()
	list, err := manifestfile.Parse([]byte(`
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: product-get, service: product, http: "GET /v1/products/{id}", access: anyone}
  - {name: order-place, service: order, http: POST /v1/orders, access: user, publishes: [order-placed]}
  - {name: stock-reserve, service: product, events: [order-placed]}
  - {name: order-outbox, service: order, schedule: "0 * * * *"}
`))
	if err != nil {
		t.Fatal(err)
	}
	settings, err := ReadSettings(terraform, "")
	if err != nil {
		t.Fatal(err)
	}
	shop := Shop{
		Settings: settings, Functions: list,
		Measured: Measured{
			Functions: map[string]Call{
				"product-get": {Ms: 99, Bytes: 1000, LogBytes: 500}, "order-place": {Ms: 101, Bytes: 2000, LogBytes: 500},
				"stock-reserve": {Ms: 5, LogBytes: 500}, "order-outbox": {Ms: 5, LogBytes: 500},
			},
			EventBytes: map[string]float64{"order-placed": 1500}, ImageMiB: 51.2,
		},
		Behaviour: Behaviour{
			Order: map[string]float64{"order-place": 1}, Read: map[string]float64{"product-get": 1},
			CloudRunLogBytes: 500, LoadBalancerLogBytes: 1000,
		},
	}
	if change != nil {
		change(&shop)
	}
	return shop
}

func mustEstimate(t *testing.T, shop Shop, usage Usage) *Bill {
	t.Helper()
	prices, err := StandardPrices()
	if err != nil {
		t.Fatal(err)
	}
	bill, err := Estimate(shop, prices, usage)
	if err != nil {
		t.Fatal(err)
	}
	return bill
}

func (b *Bill) requireLine(t *testing.T, price string, quantity, cost float64) {
	t.Helper()
	i := slices.IndexFunc(b.Lines, func(l Line) bool { return l.Price == price })
	if i < 0 {
		t.Fatalf("there is no line %s", price)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b)) }
	if got := b.Lines[i]; !near(got.Quantity, quantity) || !near(got.CostUSD, cost) {
		t.Errorf("%s: %v %s for %v USD, want %v for %v", price, got.Quantity, got.Unit, got.CostUSD, quantity, cost)
	}
}

// TestByHand compares bills with what a person reckons with pencil and paper.
func TestByHand(t *testing.T) {
	t.Parallel()
	t.Run("an idle shop costs what its parts cost", func(t *testing.T) {
		t.Parallel()
		bill := mustEstimate(t, small(t, nil), Usage{})
		bill.requireLine(t, "sql-g1-small", 730, 730*0.035)
		bill.requireLine(t, "sql-storage", 10, 1.70)
		bill.requireLine(t, "lb-rules", 730, 18.25)
		bill.requireLine(t, "armor-rules", 13, 13)
		bill.requireLine(t, "run-requests", 730, 0) // the outbox, each hour
		bill.requireLine(t, "run-cpu", 73, 0)       // 730 × 0.1 s × 1 vCPU
		bill.requireLine(t, "scheduler", 2, 0)      // the outbox and the export
		bill.requireLine(t, "exports", 30, 0.6)     // 30 × a tenth of 10 GiB
		bill.requireLine(t, "run-idle-cpu", 0, 0)
		bill.requireLine(t, "metrics", 0, 0)
		if bill.TotalUSD != bill.IdleUSD {
			t.Errorf("it costs %v, idle %v", bill.TotalUSD, bill.IdleUSD)
		}
		if share := (bill.Idle["database"] + bill.Idle["load balancer"] + bill.Idle["Cloud Armor"]) / bill.IdleUSD; share < 0.8 {
			t.Errorf("database, load balancer and Cloud Armor are %.0f %%: the text says that they are what idle costs", 100*share)
		}
	})
	t.Run("beyond what is free", func(t *testing.T) {
		t.Parallel()
		bill := mustEstimate(t, small(t, nil), Usage{Orders: 1e6, Reads: 10e6})
		// 10 million reads, a million orders, as many reservations, 730 ticks.
		bill.requireLine(t, "run-requests", 12000730, 10000730*0.0000004)
		// A read takes 99 ms and is paid as 0.1 s, an order 101 ms and is paid as 0.2 s,
		// but order-place has three instances at most.
		bill.requireLine(t, "run-cpu", 1e6+200e3+100e3+73, (1e6+300e3+73-180e3)*0.000024)
		bill.requireLine(t, "run-memory", 1300073.0/4, 0)
		// A message is published and delivered to one, a tick is 1,000 bytes twice.
		bill.requireLine(t, "pubsub", (1e6*3000.0+730*2000)/gib, 0)
		bill.requireLine(t, "egress", (10e6*1600.0+1e6*2600)/gib, (10e6*1600.0+1e6*2600)/gib*0.12)
		bill.requireLine(t, "armor-requests", 11e6, 8.25)
		bill.requireLine(t, "cdn-lookups", 10e6, 7.5)
		// 1,000 bytes a call, and 1,000 of the load balancer for those from outside.
		bill.requireLine(t, "logs", (12000730*1000.0+11e6*1000)/gib, 0)
	})
	t.Run("a shop that is kept warm, twice", func(t *testing.T) {
		t.Parallel()
		bill := mustEstimate(t, small(t, func(s *Shop) {
			one, cpu, memory := 1.0, "2", "1Gi"
			s.Settings.Scaling = map[string]Scaling{"product-get": {Min: &one, CPU: &cpu, Memory: &memory}}
			s.Settings.Database = Database{Tier: "db-custom-2-8192", Edition: "ENTERPRISE", Regional: true, Replica: true, DiskGB: 50}
		}), Usage{Reads: 1e6})
		bill.requireLine(t, "sql-cpu", 3*2*730, 4380*0.0413)
		bill.requireLine(t, "sql-memory", 3*8*730, 17520*0.007)
		bill.requireLine(t, "sql-storage", 150, 25.5)
		// Of 2,628,000 s, 100,000 are spent on reads.
		bill.requireLine(t, "run-idle-cpu", 2*2528e3, 2*2528e3*0.0000025)
		bill.requireLine(t, "run-idle-memory", 2528e3, 2528e3*0.0000025)
		bill.requireLine(t, "run-cpu", 200e3+73, (20e3+73)*0.000024)
		bill.requireLine(t, "alerts", alerts+2+burns, 0.1*(alerts+2+burns))
	})
	t.Run("a tiny shop costs what its parts cost", func(t *testing.T) {
		t.Parallel()
		bill := mustEstimate(t, small(t, func(s *Shop) {
			s.Settings = Settings{Profile: Tiny, Database: Database{Edition: "ENTERPRISE", DiskGB: 10}, KeyRotationDays: 90}
			var err error
			if s.Settings, err = s.Settings.withProfile(); err != nil {
				t.Fatal(err)
			}
		}), Usage{Reads: 10e6})
		bill.requireLine(t, "sql-f1-micro", 730, 730*0.0105)
		// Each read is a request to the gateway and one to the function, of 0.1 s each.
		bill.requireLine(t, "run-requests", 20e6+730, (18e6+730)*0.0000004)
		bill.requireLine(t, "run-cpu", 2e6+73, (2e6+73-180e3)*0.000024)
		bill.requireLine(t, "alerts", 5, 0.5)
		for _, line := range bill.Lines {
			if strings.HasPrefix(line.Price, "lb-") || strings.HasPrefix(line.Price, "armor-") {
				t.Errorf("it pays for %s", line.SKU)
			}
		}
	})
	t.Run("an instance a service", func(t *testing.T) {
		t.Parallel()
		bill := mustEstimate(t, small(t, func(s *Shop) {
			s.Settings.Database = Database{Tier: "db-g1-small", Edition: "ENTERPRISE", Regional: true, Replica: true, DiskGB: 10, OwnInstance: []string{"order"}}
		}), Usage{})
		bill.requireLine(t, "sql-g1-small", 5*730, 5*730*0.035)
		bill.requireLine(t, "sql-storage", 50, 8.5)
		bill.requireLine(t, "sql-backup", 20, 1.6)
	})
	t.Run("never more instances than there may be", func(t *testing.T) {
		t.Parallel()
		bill := mustEstimate(t, small(t, nil), Usage{Reads: 1e9})
		bill.requireLine(t, "run-cpu", 3*2628e3+73, (3*2628e3+73-180e3)*0.000024)
	})
}

// TestTinyBudget holds the example of a tiny shop to its budget.
func TestTinyBudget(t *testing.T) {
	t.Parallel()
	settings, err := ReadSettings(terraform, terraform+"/env/tiny.tfvars.example")
	if err != nil {
		t.Fatal(err)
	}
	shop, err := NewShop(functions.Manifest(), settings)
	if err != nil {
		t.Fatal(err)
	}
	if bill := mustEstimate(t, shop, Usage{}); bill.IdleUSD > 30 || bill.IdleUSD < 10 {
		t.Errorf("idle it costs %.2f USD a month, want 10 to 30: %v", bill.IdleUSD, bill.Idle)
	}
}

func TestAbsurd(t *testing.T) {
	t.Parallel()
	prices, err := StandardPrices()
	if err != nil {
		t.Fatal(err)
	}
	word := "much"
	for name, test := range map[string]struct {
		change func(*Shop)
		usage  Usage
		says   string
	}{
		"fewer than no orders":  {usage: Usage{Orders: -1}, says: "orders is -1: expected 0 or more"},
		"no number of reads":    {usage: Usage{Reads: math.NaN()}, says: "reads is NaN"},
		"infinitely many users": {usage: Usage{Users: math.Inf(1)}, says: "users is +Inf: expected at most"},
		"an unknown machine":    {change: func(s *Shop) { s.Settings.Database.Tier = "db-n1-large" }, says: "database.tier is db-n1-large"},
		"another edition":       {change: func(s *Shop) { s.Settings.Database.Edition = "ENTERPRISE_PLUS" }, says: "database.edition is ENTERPRISE_PLUS"},
		"a function that does not exist": {change: func(s *Shop) { s.Behaviour.Order = map[string]float64{"order-steal": 1} },
			says: "order-steal is no function that clients call"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			if _, err := Estimate(small(t, test.change), prices, test.usage); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
	t.Run("a CPU that is none is refused", func(t *testing.T) {
		t.Parallel()
		_, err := NewShop(functions.Manifest(), Settings{Scaling: map[string]Scaling{"product-get": {CPU: &word}}})
		if err == nil || !strings.Contains(err.Error(), "scaling of product-get") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an event that causes itself is refused", func(t *testing.T) {
		t.Parallel()
		shop := small(t, nil)
		shop.Functions.Functions[2].Publishes = []string{"order-placed"}
		if _, err := Estimate(shop, prices, Usage{Orders: 1}); err == nil || !strings.Contains(err.Error(), "causes itself") {
			t.Errorf("got %v", err)
		}
	})
}

// TestFigures holds the figures that come with the program to functions.yaml.
func TestFigures(t *testing.T) {
	t.Parallel()
	settings, err := ReadSettings(terraform, "")
	if err != nil {
		t.Fatal(err)
	}
	shop, err := NewShop(functions.Manifest(), settings)
	if err != nil {
		t.Fatal(err)
	}
	traffic, err := shop.traffic(Usage{Orders: 1, Reads: 1, Users: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range traffic.calls {
		if call := shop.Measured.Functions[name]; n > 0 && (call.Ms <= 0 || call.CPUMs <= 0 || call.LogBytes <= 0) {
			t.Errorf("%s was not measured: make measure", name)
		}
	}
	for name := range shop.Measured.Functions {
		if _, listed := functions.Manifest().Function(name); !listed {
			t.Errorf("measured.yaml has %s, which functions.yaml has not: make measure", name)
		}
	}
	for name, topics := range shop.Behaviour.Publishes {
		f, _ := functions.Manifest().Function(name)
		for topic := range topics {
			if !slices.Contains(f.Publishes, topic) {
				t.Errorf("behaviour.yaml: %s does not publish %s", name, topic)
			}
		}
	}
	if got := traffic.messages["order-confirmed"]; math.Abs(got-0.98) > 1e-9 {
		t.Errorf("of 1 order, %v are confirmed, want 0.98", got)
	}
	// confirmed or rejected, shipment-created, order-shipped, delivered
	if got := traffic.calls["user-notify"]; math.Abs(got-4) > 1e-9 {
		t.Errorf("of 1 order, user-notify is called %v times, want 4", got)
	}
}
