package terraform_test

import (
	"fmt"
	"maps"
	"testing"

	"souk/functions"
	"souk/shared/manifest"
)

// TestScaling compares how the Cloud Run services of a plan scale with functions.yaml,
// in both granularities, and that a variable changes it.
func TestScaling(t *testing.T) {
	t.Parallel()
	list := functions.Manifest()
	changed := list.Functions[0].Name
	for _, granularity := range []manifest.Granularity{manifest.PerFunction, manifest.PerService} {
		t.Run(string(granularity), func(t *testing.T) {
			t.Parallel()
			want := map[string]manifest.Scaling{}
			for _, f := range list.Functions {
				if granularity == manifest.PerFunction {
					scaling := list.ScalingOf(f)
					if f.Database == manifest.NoDatabase {
						scaling.Pool = 0
					}
					want[f.Name] = scaling
				} else {
					want[fmt.Sprintf("%s-%s", f.Service, f.Kind())] = list.Scaling[granularity][f.Kind()]
				}
			}
			variable := "-var=scaling={}"
			if s, found := want[changed]; found {
				s.Memory, s.Concurrency = "1Gi", 7
				want[changed] = s
				variable = fmt.Sprintf("-var=scaling={%s={memory=\"1Gi\",concurrency=7}}", changed)
			}
			got := map[string]manifest.Scaling{}
			for _, run := range mustWorkspace(t, ".").mustPlan(t, "-var-file=env/dev.tfvars.example",
				"-var=granularity="+string(granularity), variable, "-var=database={max_connections=100000}").of("google_cloud_run_v2_service") {
				got[run.text("name")] = scalingOf(t, run)
				environment := environmentOf(run)
				if limit := want[run.text("name")].GoMemLimit(); environment["GOMEMLIMIT"] != limit {
					t.Errorf("%s has GOMEMLIMIT %q, want %s", run.text("name"), environment["GOMEMLIMIT"], limit)
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("services scale by\n%+v, want\n%+v", got, want)
			}
		})
	}
}

func scalingOf(t *testing.T, run resource) (s manifest.Scaling) {
	t.Helper()
	limits := func(name string) string {
		return run.text("template", 0, "containers", 0, "resources", 0, "limits", name)
	}
	s.Memory, s.CPU = limits("memory"), limits("cpu")
	for number, text := range map[*int]string{
		&s.Concurrency:  run.text("template", 0, "max_instance_request_concurrency"),
		&s.MinInstances: run.text("template", 0, "scaling", 0, "min_instance_count"),
		&s.MaxInstances: run.text("template", 0, "scaling", 0, "max_instance_count"),
		&s.Pool:         environmentOf(run)["DATABASE_MAX_OPEN_CONNS"],
	} {
		if number == &s.Pool && text == "" {
			continue // it uses no database
		}
		if _, err := fmt.Sscan(text, number); err != nil {
			t.Errorf("%s: read %q: %v", run.Address, text, err)
		}
	}
	return s
}

// environmentOf returns the environment variables of a Cloud Run service, without those
// that are known only after it is created.
func environmentOf(run resource) map[string]string {
	environment := map[string]string{}
	for _, variable := range run.blocks("template.containers.env") {
		environment[variable.text("name")] = variable.text("value")
	}
	return environment
}
