// Package rollout decides what deploy/rollout, a script, cannot: which Cloud Run
// services there are, what state one is in, whether a revision answers as it
// should, and whether it keeps the shop's promises.
//
//	runs.go   the Cloud Run services of the shop     state.go    one of them, as gcloud describes it
//	smoke.go  a first request to a new revision      promise.go  what was promised
//	judge.go  whether it is kept                     metrics.go  what Cloud Monitoring counted
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
