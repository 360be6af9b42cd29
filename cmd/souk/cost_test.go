package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCost(t *testing.T) {
	t.Parallel()
	terraform, err := filepath.Abs("../../terraform")
	if err != nil {
		t.Fatal(err)
	}
	prod := filepath.Join(terraform, "env", "prod.tfvars.example")
	t.Run("says what idle costs, line by line, and aligned", func(t *testing.T) {
		t.Parallel()
		r := souk(t, "cost", "--terraform", terraform).requireExitCode(t, 0)
		width := 0
		for line := range strings.Lines(r.stdout) {
			if strings.HasPrefix(line, "Cloud ") || strings.HasPrefix(line, "Pub/Sub") {
				if width == 0 {
					width = len(line)
				}
				if len(line) != width {
					t.Errorf("this line is not as long as others: %s", line)
				}
			}
		}
		if width == 0 || !strings.Contains(r.stdout, "Without any customer it is USD ") || !strings.Contains(r.stdout, "  database\n") {
			t.Errorf("it says:\n%s", r.stdout)
		}
	})
	t.Run("the positions add up to the total", func(t *testing.T) {
		t.Parallel()
		r := souk(t, "cost", "--json", "--terraform", terraform, "--var-file", prod, "--orders=3000", "--reads=1e6", "--users=2000").requireExitCode(t, 0)
		var bill struct {
			TotalUSD, IdleUSD float64
			Idle              map[string]float64
			Lines             []struct{ Quantity, Free, USDPerUnit, CostUSD float64 }
		}
		if err := json.Unmarshal([]byte(r.stdout), &bill); err != nil {
			t.Fatal(err)
		}
		sum, idle := 0.0, 0.0
		for _, line := range bill.Lines {
			sum += (line.Quantity - line.Free) * line.USDPerUnit
		}
		for _, part := range bill.Idle {
			idle += part
		}
		if diff := sum - bill.TotalUSD; len(bill.Lines) < 25 || diff > 1e-6 || diff < -1e-6 {
			t.Errorf("%d lines add up to %v, the total is %v", len(bill.Lines), sum, bill.TotalUSD)
		}
		if diff := idle - bill.IdleUSD; diff > 1e-6 || diff < -1e-6 || bill.IdleUSD >= bill.TotalUSD {
			t.Errorf("the parts of idle add up to %v, it is %v, and with usage %v", idle, bill.IdleUSD, bill.TotalUSD)
		}
	})
	t.Run("compares the measurements with earlier ones", func(t *testing.T) {
		t.Parallel()
		args := []string{"cost", "--terraform", terraform, "--orders=5e6"}
		r := souk(t, append(args, "--json")...).requireExitCode(t, 0)
		var estimate struct {
			TotalUSD          float64
			Measured, Earlier struct {
				On                   string
				OrderCPUMs, TotalUSD float64
			}
		}
		if err := json.Unmarshal([]byte(r.stdout), &estimate); err != nil {
			t.Fatal(err)
		}
		now, earlier := estimate.Measured, estimate.Earlier
		if now.TotalUSD != estimate.TotalUSD || now.OrderCPUMs <= 0 || earlier.OrderCPUMs <= 0 || earlier.TotalUSD <= 0 || earlier.On >= now.On {
			t.Errorf("measured %+v, earlier %+v, total %v: want two estimates, and the total of the later one", now, earlier, estimate.TotalUSD)
		}
		text := souk(t, args...).requireExitCode(t, 0).stdout
		for _, on := range []string{now.On, earlier.On} {
			if !strings.Contains(text, on) {
				t.Errorf("the text does not name the measurements of %s:\n%s", on, text)
			}
		}
	})
	for name, test := range map[string]struct {
		args  []string
		says  string
		write string
	}{
		"less than nothing":       {args: []string{"--orders=-5"}, says: "orders is -5: expected 0 or more"},
		"more than there is":      {args: []string{"--reads=1e30"}, says: "expected at most 1e+12"},
		"no folder of terraform":  {args: []string{"--terraform=/nowhere"}, says: "--terraform"},
		"an unknown variable":     {args: []string{"--var-file=values"}, write: "regoin = \"a\"", says: "sets regoin, which is no variable"},
		"a value of another type": {args: []string{"--var-file=values"}, write: "database = { replica = \"many\" }", says: "variable database"},
		"values that are no HCL":  {args: []string{"--var-file=values"}, write: "database = {", says: "read the values"},
		"prices that are none":    {args: []string{"--prices=values"}, write: "read: today\nregion: a\nprices: {run-cpu: {usd: -1}}", says: "run-cpu: expected"},
		"prices that lack some": {args: []string{"--prices=values"}, says: "there is no price",
			write: "read: 2027-01-01\nregion: a\nprices: {x: {sku: a, unit: b, usd: 1, seen: page, page: c}}"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			cmd := command(t, append([]string{"cost", "--terraform", terraform}, test.args...)...)
			if err := os.WriteFile(filepath.Join(cmd.Dir, "values"), []byte(test.write), 0o600); err != nil {
				t.Fatal(err)
			}
			if r := finish(t, cmd).requireExitCode(t, 1).requireStderr(t, test.says); r.stdout != "" {
				t.Errorf("it prints %s", r.stdout)
			}
		})
	}
}
