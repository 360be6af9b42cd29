package cost

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"

	"souk/shared/mail"
	"souk/shared/manifest"
)

// Figures of Google's that bound a shop. Each page is the source of those beside it.
const (
	// https://cloud.google.com/compute/docs/disks/performance: zonal and regional pd-ssd.
	iopsPerGiB = 30
	// https://cloud.google.com/run/docs/configuring/vpc-direct-vpc: two addresses an
	// instance, of a subnet in which Google reserves four.
	addressesPerInstance, reservedAddresses = 2, 4
	// mailMs is assumed, as in functions.yaml: no measurement on one machine has the way
	// to a mail server.
	mailMs = 500
	// https://cloud.google.com/sql/docs/mysql/iam-authentication#quotas
	loginsPerMinute = 12000
	// A commit writes the redo log and the binary log.
	writesPerCommit = 2
	// connLifetime is DATABASE_CONN_MAX_LIFETIME of cloud_run.tf, in minutes.
	connLifetime = 45
	// reservedConnections are those of cloud_sql.tf that functions do not get.
	reservedConnections = 20
)

// Ceiling is what gives at some rate, and what lifts it.
type Ceiling struct {
	Name      string  `json:"name"`
	PerSecond float64 `json:"perSecond"`
	Unit      string  `json:"unit"`
	How       string  `json:"how"`
	Lift      string  `json:"lift"`
}

// Capacity returns what gives first, by the rate of orders, and then what other work has
// ceilings of its own. It errs downwards: requests share no commit, every response comes from
// a function, and all the time that a function waits is the database's CPU.
func Capacity(shop Shop) []Ceiling {
	order := traffic{calls: map[string]float64{}, messages: map[string]float64{}}
	maps.Copy(order.calls, shop.Behaviour.Order)
	if shop.Settings.paid() {
		maps.Copy(order.calls, shop.Behaviour.Paid)
	}
	called := order.calls
	for range shop.Functions.Functions {
		called = shop.follow(called, &order)
	}
	ceilings := slices.Concat(shop.databaseCeilings(order), shop.instanceCeilings(order))
	slices.SortStableFunc(ceilings, func(a, b Ceiling) int { return cmp.Compare(a.PerSecond, b.PerSecond) })
	return append(ceilings, shop.otherCeilings()...)
}

// databaseCeilings are those of the Cloud SQL instances.
func (s Shop) databaseCeilings(order traffic) []Ceiling {
	const unit = "orders"
	var commits, waiting, busy float64
	for name, n := range byName(order.calls) {
		call := s.call(name)
		if f, _ := s.Functions.Function(name); f.Method() != "GET" {
			commits += n
		}
		waiting += n * math.Max(0, call.Ms-call.CPUMs)
		busy += n * call.Ms
	}
	for _, n := range byName(order.messages) {
		commits += n // its row of the outbox is marked
	}
	instances := 1 + float64(len(s.Settings.Database.OwnInstance))
	iops, cpus := iopsPerGiB*s.Settings.Database.DiskGB, s.Settings.Database.cpus()
	connections := s.Settings.Database.MaxConnections - reservedConnections
	reserve := s.call("stock-reserve").Ms
	return []Ceiling{
		{"disk IOPS", instances * iops / (commits * writesPerCommit), unit,
			fmt.Sprintf("%.0f instance(s) × %.0f GiB × %d IOPS ÷ (%.1f commits an order × %d writes)", instances, s.Settings.Database.DiskGB, iopsPerGiB, commits, writesPerCommit),
			"a larger `database.disk_gb` (30 IOPS a GiB), one instance a service"},
		{"writer CPU", instances * cpus * 1000 / waiting, unit,
			fmt.Sprintf("%.0f instance(s) × %g vCPU ÷ %.1f ms that functions wait for an order", instances, cpus, waiting),
			"a larger `database.tier`, one instance a service, then a distributed database"},
		{"connections", instances * connections * 1000 / busy, unit,
			fmt.Sprintf("%.0f instance(s) × %.0f connections ÷ %.1f ms of functions an order", instances, connections, busy),
			"`database.max_connections` along with the tier, one instance a service"},
		{"one hot product", 1000 / reserve, unit,
			fmt.Sprintf("1 row ÷ %.2f ms that stock-reserve has it locked", reserve),
			"deliveries that arrive together: they share a transaction, which is not counted here"},
	}
}

// instanceCeilings are those of the Cloud Run services that an order passes.
func (s Shop) instanceCeilings(order traffic) []Ceiling {
	type load struct{ held, busy float64 }
	loads := map[string]load{}
	mails := 0.0
	for name, n := range byName(order.calls) {
		f, _ := s.Functions.Function(name)
		one, run := loads[s.runOf(f)], s.call(name)
		one.held += n * run.Ms
		one.busy += n * run.CPUMs
		loads[s.runOf(f)] = one
		if slices.Contains(f.Secrets, "SMTP_URL") {
			mails += n
		}
	}
	services := s.services(traffic{})
	var pools, processors Ceiling
	for name, one := range byName(loads) {
		if one.held <= 0 {
			continue
		}
		run := services[name]
		first := func(c *Ceiling, kind string, capacity, each float64, how, lift string) {
			if rate := capacity * 1000 / each; c.Name == "" || rate < c.PerSecond {
				*c = Ceiling{kind, rate, "orders", how, lift}
			}
		}
		first(&pools, "database pool", run.max*run.pool, one.held,
			fmt.Sprintf("%s: %.0f instances × %.0f connections ÷ %.1f ms an order", name, run.max, run.pool, one.held), "`scaling`: max_instances, pool")
		first(&processors, "functions' CPU", run.max*run.cpus, one.busy,
			fmt.Sprintf("%s: %.0f instances × %g vCPU ÷ %.1f ms an order", name, run.max, run.cpus, one.busy), "`scaling`: max_instances, cpu")
	}
	notify, _ := s.Functions.Function("user-notify")
	run := services[s.runOf(notify)]
	atOnce := math.Min(run.concurrency, mail.DefaultConnections)
	return []Ceiling{pools, processors, {"mail", run.max * atOnce * 1000 / (mails * mailMs), "orders",
		fmt.Sprintf("%.0f instances × %.0f mails at the same time ÷ (%.0f mails an order × %d ms, assumed)", run.max, atOnce, mails, mailMs),
		"`scaling` of user-notify; a mail server that is nearer"}}
}

// otherCeilings are those of work that no order needs.
func (s Shop) otherCeilings() []Ceiling {
	services := s.services(traffic{})
	signIn, _ := s.Functions.Function("session-create")
	read, _ := s.Functions.Function("product-get")
	login, catalogue := services[s.runOf(signIn)], services[s.runOf(read)]
	addresses := s.Settings.addresses()
	var instances, pools float64
	for _, run := range byName(services) {
		instances += run.max
		pools += run.max * run.pool
	}
	return []Ceiling{
		{"sign-in", login.max * login.cpus * 1000 / s.call(signIn.Name).CPUMs, "logins",
			fmt.Sprintf("%.0f instances × %g vCPU ÷ %.1f ms of argon2id", login.max, login.cpus, s.call(signIn.Name).CPUMs), "`scaling` of session-create: max_instances, cpu"},
		{"product reads", catalogue.max * math.Min(catalogue.cpus*1000/s.call(read.Name).CPUMs, catalogue.pool*1000/s.call(read.Name).Ms), "reads",
			fmt.Sprintf("%.0f instances ÷ the larger of CPU and pool", catalogue.max), "CDN, `database.replica`, `scaling` of product-get"},
		{"database logins by IAM", loginsPerMinute / 60.0, "logins",
			fmt.Sprintf("%d a minute; all pools renewed every %d minutes need %.1f a second", loginsPerMinute, connLifetime, pools/connLifetime/60), "a longer DATABASE_CONN_MAX_LIFETIME, one instance a service"},
		{"VPC addresses", addresses / addressesPerInstance, "instances",
			fmt.Sprintf("%.0f addresses ÷ %d an instance; the shop may start %.0f", addresses, addressesPerInstance, instances), "a larger `subnet`; the quota of Direct VPC egress"},
	}
}

// runOf returns the Cloud Run service of a function.
func (s Shop) runOf(f manifest.Function) string {
	if s.Settings.Granularity == string(manifest.PerService) {
		return fmt.Sprintf("%s-%s", f.Service, f.Kind())
	}
	return f.Name
}

// addresses returns how many addresses the subnet has for instances; NaN if it is no range.
func (s Settings) addresses() float64 {
	subnet, err := netip.ParsePrefix(s.Subnet)
	if err != nil {
		return math.NaN()
	}
	return math.Exp2(float64(subnet.Addr().BitLen()-subnet.Bits())) - reservedAddresses
}

// cpus returns the vCPU of an instance. Shared ones have a part of one:
// https://cloud.google.com/compute/docs/general-purpose-machines#sharedcore
func (d Database) cpus() float64 {
	switch d.Tier {
	case "db-f1-micro":
		return 0.2
	case "db-g1-small":
		return 0.5
	}
	var cpus, mib float64
	if _, err := fmt.Sscanf(d.Tier, "db-custom-%f-%f", &cpus, &mib); err != nil {
		return math.NaN()
	}
	return cpus
}
