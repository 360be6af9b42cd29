// Package cost estimates what a shop on Google Cloud costs a month, by a formula that
// is easy to check: quantity × price − what is free. What there is to pay for comes
// from functions.yaml and Terraform's variables, how much of it a call takes from
// measured.yaml, and prices from prices.yaml.
//
// Where the truth depends on how requests happen to fall, it errs upwards: no two
// requests share an instance's time, and nothing comes out of the cache.
package cost

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A month, as Google's price pages count it: 730 hours.
const (
	hours   = 730
	seconds = hours * 3600
	minutes = hours * 60
)

// Usage is what happens in a month.
type Usage struct {
	// Orders are placed and delivered.
	Orders float64 `json:"orders"`
	// Reads are of the public catalogue.
	Reads float64 `json:"reads"`
	// Users are people who use their accounts.
	Users float64 `json:"users"`
	// Fees are those of the payment provider.
	Fees Fees `json:"fees"`
}

// most is more of anything than a shop of this kind has: a slip of the finger.
const most = 1e12

// check names what cannot be meant.
func (u Usage) check() error {
	for _, field := range []struct {
		name  string
		value float64
	}{{"orders", u.Orders}, {"reads", u.Reads}, {"users", u.Users}} {
		switch {
		case math.IsNaN(field.value) || field.value < 0:
			return fmt.Errorf("%s is %v: expected 0 or more a month", field.name, field.value)
		case field.value > most:
			return fmt.Errorf("%s is %v: expected at most %.0e a month", field.name, field.value, most)
		}
	}
	return u.Fees.check()
}

// paid returns the orders that must be paid.
func (u Usage) paid(s Settings) float64 {
	if !s.paid() {
		return 0
	}
	return u.Orders
}

// Line is one thing that is paid for.
type Line struct {
	// Price is the name of the line's price in prices.yaml.
	Price string `json:"price"`
	SKU   string `json:"sku"`
	// How explains the quantity.
	How      string  `json:"how"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	// Free is how much of the quantity is free.
	Free    float64 `json:"free"`
	USD     float64 `json:"usdPerUnit"`
	CostUSD float64 `json:"costUsd"`
}

// Bill is a month's.
type Bill struct {
	Usage    Usage    `json:"usage"`
	Settings Settings `json:"settings"`
	// Prices names the date and the region of the prices.
	PricesRead   string `json:"pricesRead"`
	PricesRegion string `json:"pricesRegion"`
	Lines        []Line `json:"lines"`
	// TotalUSD is the sum of the lines.
	TotalUSD float64 `json:"totalUsd"`
	// Provider is what the payment provider charges, which is in no line and not in the total; nil
	// for a shop without payments.
	Provider *ProviderFees `json:"paymentProvider,omitempty"`
	// IdleUSD is what the same shop costs without any usage, and Idle what of it is for
	// what: it adds up to the same.
	IdleUSD float64            `json:"idleUsd"`
	Idle    map[string]float64 `json:"idle"`
	// Measured is the basis of the estimate, and Earlier the same estimate from earlier
	// measurements; it is nil without any.
	Measured Measurement  `json:"measured"`
	Earlier  *Measurement `json:"earlier,omitempty"`
}

// Measurement is an estimate from the measurements of a date.
type Measurement struct {
	On string `json:"on"`
	// OrderCPUMs is the CPU time of all functions for one order, in milliseconds, from its
	// placement to the last mail.
	OrderCPUMs float64 `json:"orderCpuMs"`
	TotalUSD   float64 `json:"totalUsd"`
}

// Estimate computes the bill. Its error names what is absurd or has no price.
func Estimate(shop Shop, prices *Prices, usage Usage) (*Bill, error) {
	if err := usage.check(); err != nil {
		return nil, err
	}
	idle, err := lines(shop, prices, Usage{})
	if err != nil {
		return nil, err
	}
	used, err := lines(shop, prices, usage)
	if err != nil {
		return nil, err
	}
	bill := &Bill{
		Usage: usage, Settings: shop.Settings, PricesRead: prices.Read, PricesRegion: prices.Region,
		Lines: used, TotalUSD: total(used), IdleUSD: total(idle), Idle: parts(idle), Provider: usage.providerFees(shop.Settings),
	}
	if bill.Measured, err = shop.measurement(total(used)); err != nil || shop.Earlier == nil {
		return bill, err
	}
	shop.Measured = *shop.Earlier
	if used, err = lines(shop, prices, usage); err != nil {
		return nil, err
	}
	earlier, err := shop.measurement(total(used))
	bill.Earlier = &earlier
	return bill, err
}

// measurement returns what the measurements of the shop result in.
func (s Shop) measurement(totalUSD float64) (Measurement, error) {
	idle, err := s.traffic(Usage{})
	if err != nil {
		return Measurement{}, err
	}
	used, err := s.traffic(Usage{Orders: 1})
	if err != nil {
		return Measurement{}, err
	}
	m := Measurement{On: s.Measured.On, TotalUSD: totalUSD}
	for name, calls := range byName(used.calls) {
		m.OrderCPUMs += (calls - idle.calls[name]) * s.call(name).CPUMs
	}
	return m, nil
}

// parts adds lines up by what they are for.
func parts(lines []Line) map[string]float64 {
	parts := map[string]float64{}
	for _, line := range lines {
		name := "all else"
		for prefix, part := range map[string]string{
			"sql-": "database", "lb-": "load balancer", "armor-": "Cloud Armor", "run-idle-": "functions kept warm", "alert": "alerts",
			"builds": "rollouts", "scans": "rollouts", "run-job-": "rollouts",
		} {
			if strings.HasPrefix(line.Price, prefix) {
				name = part
			}
		}
		parts[name] += line.CostUSD
	}
	return parts
}

func total(lines []Line) (sum float64) {
	for _, line := range lines {
		sum += line.CostUSD
	}
	return sum
}

// quantity is how much there is of something that has a price.
type quantity struct {
	price string
	n     float64
	how   string
}

func lines(shop Shop, prices *Prices, usage Usage) ([]Line, error) {
	traffic, err := shop.traffic(usage)
	if err != nil {
		return nil, err
	}
	sql, err := shop.sql()
	if err != nil {
		return nil, err
	}
	var lines []Line
	for _, q := range slices.Concat(sql, shop.front(traffic), shop.run(traffic), shop.messages(traffic), shop.kept(), shop.watched(traffic)) {
		price, known := prices.Prices[q.price]
		if !known {
			return nil, fmt.Errorf("there is no price %q for: %s", q.price, q.how)
		}
		free := math.Min(q.n, price.Free)
		lines = append(lines, Line{
			Price: q.price, SKU: price.SKU, How: q.how, Quantity: q.n, Unit: price.Unit,
			Free: free, USD: price.USD, CostUSD: (q.n - free) * price.USD,
		})
	}
	return lines, nil
}
