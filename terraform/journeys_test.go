package terraform_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/manifest"
)

// journeys is the part of slo.json that lists functions.
type journeys struct {
	Journeys, Messages map[string]struct{ Functions []string }
}

// journeyErrors returns the functions that are not in exactly one journey of their kind.
func (j journeys) journeyErrors(list []manifest.Function) (errs []string) {
	found := map[manifest.Kind]map[string]int{manifest.KindHTTP: {}, manifest.KindPush: {}}
	for _, journey := range j.Journeys {
		for _, name := range journey.Functions {
			found[manifest.KindHTTP][name]++
		}
	}
	for _, journey := range j.Messages {
		for _, name := range journey.Functions {
			found[manifest.KindPush][name]++
		}
	}
	for _, f := range list {
		if n := found[f.Kind()][f.Name]; n != 1 {
			errs = append(errs, fmt.Sprintf("%s is in %d journeys of its kind: add it to one in terraform/slo.json", f.Name, n))
		}
		delete(found[f.Kind()], f.Name)
	}
	for _, names := range found {
		for name := range names {
			errs = append(errs, name+" is no function of this kind")
		}
	}
	slices.Sort(errs)
	return errs
}

// TestJourneys finds every function in exactly one journey, and an SLO for availability
// and one for latency of each.
func TestJourneys(t *testing.T) {
	t.Parallel()
	var listed journeys
	if err := json.Unmarshal([]byte(mustRead(t, "slo.json")), &listed); err != nil {
		t.Fatal(err)
	}
	for _, err := range listed.journeyErrors(functions.Manifest().Functions) {
		t.Error(err)
	}
	t.Run("a new function, one that is gone and one of the other kind are found", func(t *testing.T) {
		t.Parallel()
		list := append(slices.Clone(functions.Manifest().Functions),
			manifest.Function{Name: "product-new", HTTP: "GET /v1/new"}, manifest.Function{Name: "product-hear", Events: []string{"order-placed"}})
		list = slices.DeleteFunc(list, func(f manifest.Function) bool { return f.Name == "jwks" })
		i := slices.IndexFunc(list, func(f manifest.Function) bool { return f.Name == "order-get" })
		list[i].HTTP, list[i].Events = "", []string{"order-placed"}
		errs := strings.Join(listed.journeyErrors(list), "\n")
		for _, name := range []string{"product-new", "product-hear", "jwks", "order-get"} {
			if !strings.Contains(errs, name+" is ") {
				t.Errorf("%s is not found: %s", name, errs)
			}
		}
	})
	t.Run("have two SLOs each in a plan, with alerts", func(t *testing.T) {
		t.Parallel()
		p := mustPlanOf(t, "prod")
		all := map[string]string{}
		for _, slo := range p.of("google_monitoring_slo") {
			filters, err := json.Marshal(slo.at("request_based_sli", 0))
			if err != nil {
				t.Fatal(err)
			}
			all[slo.text("service")+"/"+slo.text("slo_id")] = string(filters)
		}
		alerts := map[string]bool{}
		for _, alert := range p.of("google_monitoring_alert_policy") {
			alerts[alert.Address] = true
		}
		both := maps.Clone(listed.Journeys)
		maps.Copy(both, listed.Messages)
		for name, journey := range both {
			for _, objective := range []string{"available", "fast"} {
				filters := all[name+"/"+objective]
				for _, f := range journey.Functions {
					if !strings.Contains(filters, f) {
						t.Errorf("the SLO %s of %s does not measure %s: %s", objective, name, f, filters)
					}
				}
				if !alerts[fmt.Sprintf("google_monitoring_alert_policy.burn[%q]", name+"-"+objective+"-medium")] {
					t.Errorf("the SLO %s of %s has no alert", objective, name)
				}
			}
		}
	})
}
