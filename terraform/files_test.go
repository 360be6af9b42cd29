package terraform_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"souk/shared/health"
	"souk/shared/manifest"
)

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// all returns the first group of every match.
func all(pattern, text string) (found []string) {
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestRunbooks holds alerts and runbooks to one another. In the files an alert has
// the name of its runbook.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	alerts := append(all(`(?m)^ +([a-z-]+) += \{\n +title`, mustRead(t, "alerting.tf")), all(`runbook = "([^"]+)"`, mustRead(t, "slo.tf"))...)
	slices.Sort(alerts)
	if len(alerts) < 10 {
		t.Fatalf("found no more than %q", alerts)
	}
	contents := mustRead(t, "../docs/runbooks/README.md")
	for _, alert := range alerts {
		text := mustRead(t, "../docs/runbooks/"+alert+".md")
		for _, section := range []string{"# ", "## What it means", "## What to look at", "## What to do"} {
			if !strings.Contains(text, section) {
				t.Errorf("the runbook of %s has no %q", alert, section)
			}
		}
		// Cloud Monitoring cuts off what is longer:
		// https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies#Documentation
		if len(text) > 8<<10-600 { // the escalation follows it
			t.Errorf("the runbook of %s has %d bytes: it does not fit into a notification", alert, len(text))
		}
		if !strings.Contains(contents, "("+alert+".md)") {
			t.Errorf("docs/runbooks/README.md does not list %s", alert)
		}
	}
	files, err := filepath.Glob("../docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		if name != "README" && !slices.Contains(alerts, name) {
			t.Errorf("no alert leads to the runbook %s", name)
		}
	}
}

// TestRunbooksNameNoSpans: functions write trace ids into log entries, and export spans only
// with trace_sample_ratio. A runbook that leads to Cloud Trace may lead to an empty page.
func TestRunbooksNameNoSpans(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	spans := regexp.MustCompile(`(?i)cloud trace|trace explorer|trace list|\bspans?\b|\btraces? shows?`)
	for _, file := range append(files, "../docs/operations.md") {
		if found := spans.FindString(mustRead(t, file)); found != "" {
			t.Errorf("%s names %q: by default no spans are exported", file, found)
		}
	}
	if !spans.MatchString("Their trace shows which step waited.") {
		t.Error("the pattern finds nothing")
	}
}

// TestRunbookIsInEveryAlert finds the runbook's text in every alert of a plan.
func TestRunbookIsInEveryAlert(t *testing.T) {
	t.Parallel()
	policies := mustPlanOf(t, "prod").of("google_monitoring_alert_policy")
	if len(policies) < 10 {
		t.Fatalf("there are only %d alerts", len(policies))
	}
	for _, alert := range policies {
		names := all(`^Runbook: docs/runbooks/([a-z-]+)[.]md\n`, alert.text("documentation", 0, "content"))
		if len(names) != 1 {
			t.Errorf("%s names no runbook", alert.Address)
			continue
		}
		if text := mustRead(t, "../docs/runbooks/"+names[0]+".md"); !strings.Contains(alert.text("documentation", 0, "content"), text) {
			t.Errorf("%s does not hold its runbook %s", alert.Address, names[0])
		}
	}
}

// TestWhatGoMustHave holds what the files say of the programs to the programs.
func TestWhatGoMustHave(t *testing.T) {
	t.Parallel()
	source := mustReadGo(t, "../functions", "../shared", "../cmd")
	settings, watch := mustRead(t, "cloud_run.tf"), mustRead(t, "alerting.tf")+mustRead(t, "synthetic.tf")
	t.Run("the lines that metrics are made of", func(t *testing.T) {
		t.Parallel()
		messages := all(`jsonPayload[.]message=\\"([^"\\]+)\\"`, watch)
		for _, message := range append(messages, all(`EXTRACT[(]jsonPayload[.]([A-Za-z]+)[)]`, watch)...) {
			if !strings.Contains(source, `"`+message+`"`) {
				t.Errorf("no program logs %q", message)
			}
		}
		if len(messages) < 3 {
			t.Errorf("found no more than %q", messages)
		}
	})
	t.Run("the fields of these lines", func(t *testing.T) {
		t.Parallel()
		metrics := strings.Split(watch, `resource "google_logging_metric"`)[1:]
		for _, metric := range metrics {
			metric, _, _ = strings.Cut(metric, "\nresource ")
			for _, message := range all(`jsonPayload[.]message=\\"([^"\\]+)\\"`, metric) {
				for _, field := range all(`EXTRACT[(]jsonPayload[.]([A-Za-z]+)[)]`, metric) {
					if !logsField(source, message, field) {
						t.Errorf("the log entry %q has no field %s", message, field)
					}
				}
			}
		}
		if len(metrics) < 7 {
			t.Errorf("found %d metrics only", len(metrics))
		}
		if logsField(source, "order paid", "status") || !logsField(source, "order decided", "status") {
			t.Error("a missing field is not found")
		}
	})
	t.Run("the variables that functions are given", func(t *testing.T) {
		t.Parallel()
		variables := all(`(?m)^ +([A-Z][A-Z_]+) += `, settings)
		for _, variable := range variables {
			if variable == "GOMEMLIMIT" { // read by Go's runtime
				continue
			}
			if !regexp.MustCompile(`env:"` + variable + `["` + "`" + `,]`).MatchString(source) {
				t.Errorf("no program reads %s", variable)
			}
		}
		if len(variables) < 10 {
			t.Errorf("found no more than %q", variables)
		}
	})
	t.Run("the command of the job that migrates", func(t *testing.T) {
		t.Parallel()
		commands := all(`args += \["([a-z-]+)"`, settings)
		if len(commands) != 1 || !regexp.MustCompile(`Use: +"`+commands[0]+`"`).MatchString(source) {
			t.Errorf("souk has no command %q", commands)
		}
	})
	t.Run("the path of the health check", func(t *testing.T) {
		t.Parallel()
		paths := all(`path += "(/-/[a-z]+)"`, settings)
		if want := []string{health.Path, health.StartupPath}; !slices.Equal(paths, want) {
			t.Errorf("Cloud Run probes %q, functions respond at %q", paths, want)
		}
	})
	t.Run("how many requests share a database connection", func(t *testing.T) {
		t.Parallel()
		numbers := all(`requests_per_connection = ([0-9]+)`, settings)
		if want := []string{strconv.Itoa(manifest.RequestsPerConnection)}; !slices.Equal(numbers, want) {
			t.Errorf("cloud_run.tf has %q, functions.yaml is held to %q", numbers, want)
		}
	})
}

// logsField reports whether a call of slog with a message has an attribute.
func logsField(source, message, field string) bool {
	call := regexp.MustCompile(`(?:slog|logger)[.][A-Za-z]+[(][^"]*"` + regexp.QuoteMeta(message) + `"((?s:.*?))\n\t*\}`)
	for _, match := range call.FindAllStringSubmatch(source, -1) {
		if strings.Contains(match[1], `"`+field+`"`) {
			return true
		}
	}
	return false
}

func mustReadGo(t *testing.T, roots ...string) string {
	t.Helper()
	var source strings.Builder
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				source.WriteString(mustRead(t, path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return source.String()
}
