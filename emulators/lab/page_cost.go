package lab

import (
	"fmt"
	"strings"
)

// Cost is the cost estimate of an environment, in USD a month.
type Cost struct {
	// Idle is that of a shop without customers, and Parts what it is for.
	Idle  float64            `json:"idle"`
	Parts map[string]float64 `json:"parts"`
	// Busy is that of a shop with BusyUsage.
	Busy float64 `json:"busy"`
}

// BusyUsage is the usage of Cost.Busy, a month.
var BusyUsage = struct{ Orders, Reads, Users float64 }{Orders: 3000, Reads: 500_000, Users: 2000}

// Environments are the environments of Run.Costs: the examples in terraform/env.
func Environments() []string { return []string{"tiny", "dev", "prod"} }

// costParts are the parts of a cost, in the order of the page.
var costParts = []string{"database", "functions kept warm", "load balancer", "Cloud Armor", "rollouts", "alerts", "all else"}

func (r Run) cost(environment string) (Cost, error) {
	cost, ok := r.Costs[environment]
	if !ok {
		return cost, fmt.Errorf("there is no cost estimate of %s", environment)
	}
	return cost, nil
}

// usd returns what a part of an idle shop costs.
func (r Run) usd(environment, part string) (string, error) {
	cost, err := r.cost(environment)
	amount, ok := cost.Parts[part]
	if err == nil && !ok {
		err = fmt.Errorf("the cost estimate of %s has no part %q", environment, part)
	}
	return fmt.Sprintf("%.0f", amount), err
}

func (r Run) idle(environment string) (string, error) {
	cost, err := r.cost(environment)
	return fmt.Sprintf("%.0f", cost.Idle), err
}

func (r Run) busy(environment string) (string, error) {
	cost, err := r.cost(environment)
	return fmt.Sprintf("%.0f", cost.Busy), err
}

// costTable returns the costs of all environments, in Markdown.
func (r Run) costTable() (string, error) {
	var costs []Cost
	for _, environment := range Environments() {
		cost, err := r.cost(environment)
		if err != nil {
			return "", err
		}
		costs = append(costs, cost)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "| USD a month | %s |\n|---|%s\n", strings.Join(Environments(), " | "), strings.Repeat("---|", len(costs)))
	row := func(name string, value func(Cost) float64) {
		fmt.Fprintf(&out, "| %s |", name)
		for _, cost := range costs {
			fmt.Fprintf(&out, " %.0f |", value(cost))
		}
		out.WriteString("\n")
	}
	for _, part := range costParts {
		row(part, func(c Cost) float64 { return c.Parts[part] })
	}
	row("**all of it, without a customer**", func(c Cost) float64 { return c.Idle })
	row(fmt.Sprintf("with %.0f orders, %.0f reads and %.0f users", BusyUsage.Orders, BusyUsage.Reads, BusyUsage.Users), func(c Cost) float64 { return c.Busy })
	return strings.TrimSpace(out.String()), nil
}
