package local

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/emulators/cloudrun"
	"souk/emulators/mysql"
	"souk/functions"
	"souk/shared/manifest"
)

// TestConnections compares the pools of all instances with the private server.
func TestConnections(t *testing.T) {
	t.Parallel()
	needed := connections(functions.Manifest())
	if needed < 100 || needed > mysql.MaxConnections-otherConnections {
		t.Errorf("the instances of functions.yaml need up to %d connections, the server allows %d, of which %d are for others",
			needed, mysql.MaxConnections, otherConnections)
	}
}

func mustWriteScaling(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scaling.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestScaling(t *testing.T) {
	t.Parallel()
	t.Run("a file overrides kinds, functions and windows", func(t *testing.T) {
		t.Parallel()
		s, err := ReadScaling(mustWriteScaling(t, `
function: {http: {maxInstances: 4}, push: {concurrency: 20}}
functions: {order-place: {minInstances: 1, cpu: 500m, concurrency: 1}}
windows: {cpu: 10s, concurrency: 20s, idle: 30s, tick: 500ms}
`))
		if err != nil {
			t.Fatal(err)
		}
		want := cloudrun.Windows{CPU: 10 * time.Second, Concurrency: 20 * time.Second, Idle: 30 * time.Second, Tick: 500 * time.Millisecond}
		if diff := cmp.Diff(want, s.Windows); diff != "" {
			t.Errorf("windows (-want +got):\n%s", diff)
		}
		list, err := s.apply(functions.Manifest())
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]manifest.Scaling{
			"order-place":     {Concurrency: 1, Memory: "256Mi", CPU: "500m", MinInstances: 1, MaxInstances: 4, Pool: 4},
			"order-get":       {Concurrency: 40, Memory: "256Mi", CPU: "1", MaxInstances: 4, Pool: 2},
			"order-anonymize": {Concurrency: 20, Memory: "256Mi", CPU: "1", MaxInstances: 3, Pool: 2},
		} {
			f, _ := list.Function(name)
			if diff := cmp.Diff(want, list.ScalingOf(f)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
	t.Run("no file changes nothing", func(t *testing.T) {
		t.Parallel()
		s, err := ReadScaling("")
		if err != nil {
			t.Fatal(err)
		}
		list := functions.Manifest()
		if changed, err := s.apply(list); err != nil || changed != list {
			t.Errorf("the manifest was changed, %v", err)
		}
	})
	for text, want := range map[string]string{
		"functions: {order-lose: {}}":                   `unknown function "order-lose"`,
		"functions: {order-get: {minInstances: 9}}":     "order-get: need scaling with",
		"functions: {order-get: {instances: 9}}":        "field instances not found",
		"windows: {cpu: 1s}":                            "windows of autoscaling",
		"function: {pull: {concurrency: 1}}":            `unknown kind of function "pull"`,
		"function: {http: {concurrency: 1000}}":         "for each connection of the pool",
		"function: {http: {maxInstances: 100000}}":      "maxInstances of 1 to 1000",
		"function: {http: {pool: 100000}}":              "a pool of 1 to 1000",
		"function: {http: {cpu: 64}}":                   "cpu",
		"function: {http: {maxInstances: 2.5}}":         "2.5 is not an integer",
		"windows: {tick: 1ns}":                          "a tick of 1ms or more",
		"windows: {cpu: 1000h}":                         "at most 10000 ticks",
		"functions: {}\n---\nfunctions: {}":             "more than one document",
		"functions:\n  order-get: {maxInstances: many}": "cannot unmarshal",
	} {
		t.Run(text+" is an error", func(t *testing.T) {
			t.Parallel()
			s, err := ReadScaling(mustWriteScaling(t, text))
			if err == nil {
				_, err = s.apply(functions.Manifest())
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want %s in it", err, want)
			}
		})
	}
}

// TestOpenLimits requires that a system reports whether CPU and memory are limited.
func TestOpenLimits(t *testing.T) {
	t.Parallel()
	for _, unlimited := range []bool{false, true} {
		var reported []Progress
		s := &System{log: slog.New(slog.DiscardHandler), options: Options{
			Unlimited: unlimited, Report: func(p Progress) { reported = append(reported, p) },
		}}
		m := s.openLimits()
		if len(reported) != 1 || reported[0].Part != "limits" {
			t.Fatalf("reported %+v, want one line on limits", reported)
		}
		if enforced := !strings.Contains(reported[0].Text, "are not limited: "); enforced != (m != nil) || unlimited && enforced {
			t.Errorf("unlimited %t: %q with %v", unlimited, reported[0].Text, m)
		}
		for _, part := range s.parts {
			if err := part.stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}
