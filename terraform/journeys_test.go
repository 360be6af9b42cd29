package terraform_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
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
			errs = append(errs, fmt.Sprintf("%s is in %d journeys of its kind: run `make generate`, or add it to one in terraform/slo.json", f.Name, n))
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

var update = flag.Bool("update", false, "add functions without a journey to slo.json")

// defaultJourneys are the journeys to which functions are added that are in none: those for
// staff, those of each service for other callers, and those that messages call.
var defaultJourneys = map[string]string{"admin": "admin", "product": "browse", "order": "orders", "payment": "orders", "user": "account", "messages": "upkeep"}

// defaultJourney returns the journey of a function that is in none.
func defaultJourney(f manifest.Function) string {
	switch {
	case f.Kind() == manifest.KindPush:
		return defaultJourneys["messages"]
	case f.Access.IsStaff():
		return defaultJourneys["admin"]
	}
	return defaultJourneys[f.Service]
}

// addMissing returns slo.json with the functions that are in no journey.
func (j journeys) addMissing(text string, list []manifest.Function) string {
	for _, f := range list {
		name := strconv.Quote(f.Name)
		if strings.Contains(text, name) {
			continue
		}
		journey := regexp.MustCompile(`("` + defaultJourney(f) + `": +\{"functions": \[[^]]*)\]`)
		text = journey.ReplaceAllString(text, "$1, "+name+"]")
	}
	return text
}

// TestJourneyLists finds every function in exactly one journey.
func TestJourneyLists(t *testing.T) {
	t.Parallel()
	const path = "slo.json"
	text, list := mustRead(t, path), functions.Manifest().Functions
	var listed journeys
	if *update {
		text = listed.addMissing(text, list)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal([]byte(text), &listed); err != nil {
		t.Fatal(err)
	}
	for _, err := range listed.journeyErrors(list) {
		t.Error(err)
	}
	t.Run("a function without a journey is added to that of its callers", func(t *testing.T) {
		t.Parallel()
		added := []manifest.Function{
			{Name: "order-new", Service: "order", HTTP: "GET /v1/new", Access: manifest.User}, {Name: "user-new", Service: "user", HTTP: "GET /v1/news", Access: manifest.Staff(manifest.CustomersRead)},
			{Name: "product-hear", Service: "product", Events: []string{"order-placed"}},
		}
		var completed journeys
		if err := json.Unmarshal([]byte(listed.addMissing(text, added)), &completed); err != nil {
			t.Fatal(err)
		}
		for name, lists := range map[string][]string{
			"order-new": completed.Journeys["orders"].Functions, "user-new": completed.Journeys["admin"].Functions, "product-hear": completed.Messages["upkeep"].Functions,
		} {
			if !slices.Contains(lists, name) {
				t.Errorf("%s is not in %v", name, lists)
			}
		}
		if errs := completed.journeyErrors(slices.Concat(list, added)); len(errs) > 0 {
			t.Error(errs)
		}
	})
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
