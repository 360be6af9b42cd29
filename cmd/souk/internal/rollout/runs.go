// Package rollout decides what deploy/rollout, a script, cannot: which Cloud Run
// services there are, what state one is in, whether a revision responds as
// expected, and whether it meets the SLOs.
//
//	runs.go   the Cloud Run services of the shop     state.go    one of them, as gcloud describes it
//	smoke.go  first requests to a new revision       slo.go      the SLOs
//	evaluate.go  whether a revision meets them       metrics.go  the counts of Cloud Monitoring
package rollout

import (
	"slices"

	"souk/shared/manifest"
)

// The values of Terraform's variable granularity.
const (
	ByFunction = "function" // a Cloud Run service a function
	ByService  = "service"  // two a service, one for clients and one for Pub/Sub
)

// Kinds of Cloud Run services, by who calls them.
const (
	HTTP = "http" // clients, through the load balancer
	Push = "push" // Pub/Sub
)

// Run is one Cloud Run service.
type Run struct {
	Name string
	// Service names its image.
	Service   string
	Kind      string
	Functions []manifest.Function
}

// Runs returns the Cloud Run services that terraform/functions.tf makes of a list
// of functions, in the list's order.
func Runs(list *manifest.Manifest, granularity string) []Run {
	var runs []Run
	for _, f := range list.Functions {
		run := Run{Name: f.Name, Service: f.Service, Kind: Push}
		if f.HTTP != "" {
			run.Kind = HTTP
		}
		if granularity == ByService {
			run.Name = f.Service + "-" + run.Kind
		}
		i := slices.IndexFunc(runs, func(r Run) bool { return r.Name == run.Name })
		if i < 0 {
			runs, i = append(runs, run), len(runs)
		}
		runs[i].Functions = append(runs[i].Functions, f)
	}
	return runs
}
