package local

import (
	"souk/emulators/cloudrun"
)

// Status is a running system as other programs see it: `souk status --json`. It
// holds passwords, so it only goes to the person the system belongs to.
type Status struct {
	// Gateway is the front door's URL.
	Gateway   string            `json:"gateway"`
	Admin     Login             `json:"admin"`
	Customer  Login             `json:"customer"`
	Database  DatabaseStatus    `json:"database"`
	PubSub    PubSubStatus      `json:"pubsub"`
	Mail      MailStatus        `json:"mail"`
	Functions []cloudrun.Status `json:"functions"`
}

// DatabaseStatus is the server that the services' databases are on.
type DatabaseStatus struct {
	// Kind is MySQL or MariaDB.
	Kind    string `json:"kind"`
	Version string `json:"version"`
	// DSN is the URL of an account that may do anything on the server.
	DSN string `json:"dsn"`
	// Names are those of the services' databases, by service.
	Names map[string]string `json:"names"`
}

// PubSubStatus is the broker that carries the events.
type PubSubStatus struct {
	// Host is what PUBSUB_EMULATOR_HOST must be to reach it.
	Host    string `json:"host"`
	Project string `json:"project"`
}

// MailStatus is the server that catches what the shop mails.
type MailStatus struct {
	// URL is where to read it, in a browser or by its API.
	URL string `json:"url"`
	// SMTP is where the shop sends it.
	SMTP string `json:"smtp"`
}

// String is the server's name and version.
func (d DatabaseStatus) String() string { return d.Kind + " " + d.Version }
