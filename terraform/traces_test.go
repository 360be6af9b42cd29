package terraform_test

import "testing"

// TestTraces requires that functions export traces, and may, only with trace_sample_ratio.
func TestTraces(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want map[string]string
	}{
		"by default functions export nothing": {nil, map[string]string{}},
		"with a ratio they export to the Telemetry API": {[]string{"-var=trace_sample_ratio=0.01"}, map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": "https://telemetry.googleapis.com", "TRACE_SAMPLE_RATIO": "0.01",
		}},
		"a collector can receive them": {[]string{"-var=trace_sample_ratio=1", "-var=trace_endpoint=http://collector.internal:4318"}, map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.internal:4318", "TRACE_SAMPLE_RATIO": "1",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustPlanOf(t, "prod", test.args...)
			runs, writers := p.of("google_cloud_run_v2_service"), 0
			for _, member := range p.of("google_project_iam_member") {
				if member.text("role") == "roles/telemetry.tracesWriter" {
					writers++
				}
			}
			if want := min(len(test.want), 1) * len(runs); writers != want {
				t.Errorf("%d of %d services may write traces, want %d", writers, len(runs), want)
			}
			for _, run := range runs {
				got := environmentOf(run)
				for _, variable := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "TRACE_SAMPLE_RATIO"} {
					if got[variable] != test.want[variable] {
						t.Errorf("%s has %s=%q, want %q", run.Address, variable, got[variable], test.want[variable])
					}
				}
			}
		})
	}
}
