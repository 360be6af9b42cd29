//go:build !container

package local

import (
	"io"
	"time"

	"souk/emulators/console"
	"souk/emulators/hostcheck"
	"souk/emulators/pool"
	"souk/shared/database"
	"souk/shared/manifest"
)

// Options configures a system.
type Options struct {
	Manifest *manifest.Manifest
	// StateDir is the folder for persistent files. It is created if it is missing.
	StateDir string
	// BinDir has one program for each service, with the service's name.
	BinDir string
	// Port is the gateway's port on 127.0.0.1; 0 selects a free one.
	Port int
	// DatabaseURL is an external server with an account that may create databases and
	// users. If empty, a private server is started.
	DatabaseURL database.URL
	// Duplicate and Shuffle make Pub/Sub deliver every message at least twice, and in
	// random order, both of which the real one may do.
	Duplicate, Shuffle bool
	// Lab runs the experiments of the console's page. Nil: it has none.
	Lab *console.Lab
	// Route returns the address at which a part is reached over a hop from or to a function,
	// so that an experiment can put a proxy in between. Nil: its own.
	Route func(hop Hop, function, address string) string
	// Payments requires a payment for each new order.
	Payments bool
	// PaymentProvider is a payment provider that is run separately. Zero: the system runs its own.
	PaymentProvider PaymentProvider
	// Traces records all traces, and not only those that begin while a page of the console
	// is open.
	Traces bool
	// Scaling overrides the scaling of the manifest and the times of autoscaling.
	Scaling Scaling
	// ColdStart is added to the start of an instance of a function.
	ColdStart time.Duration
	// Unlimited does not limit the CPU and the memory of functions.
	Unlimited bool
	// Policy selects one of several instances of a function: the one with the fewest requests.
	Policy pool.Policy
	// Origins are those whose scripts may use the API in a browser.
	Origins []string
	// Hosts are allowed host names in addition to those of this machine.
	Hosts hostcheck.Hosts
	// Report receives the progress. It is called by one goroutine at a time.
	Report func(Progress)
	// Warnings receives warnings of the running system, one line each, in addition to the
	// log in the state directory. Nil discards them.
	Warnings io.Writer
}

// PaymentProvider is the address of a payment provider, and its secrets.
type PaymentProvider struct {
	URL, APIKey, WebhookSecret string
}

// Progress is one step of starting or stopping.
type Progress struct {
	// Part is the name of a part, Text its state.
	Part, Text string
	// Took is the duration of the step, 0 while it is in progress.
	Took time.Duration
}
