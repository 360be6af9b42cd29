package local

import (
	"souk/emulators/cloudrun"
)

// Status is the state of a running system, as printed by `souk status --json`. It contains
// passwords, so only the system's owner may read it.
type Status struct {
	Console ConsoleStatus `json:"console"`
	// Gateway is the gateway's URL.
	Gateway   string            `json:"gateway"`
	Admin     Login             `json:"admin"`
	Customer  Login             `json:"customer"`
	Database  DatabaseStatus    `json:"database"`
	PubSub    PubSubStatus      `json:"pubsub"`
	Mail      MailStatus        `json:"mail"`
	Payments  PaymentStatus     `json:"payments"`
	Functions []cloudrun.Status `json:"functions"`
}

// ConsoleStatus is the local console.
type ConsoleStatus struct {
	URL string `json:"url"`
	// Link is the URL that allows a browser to perform actions.
	Link string `json:"link"`
}

// DatabaseStatus is the database server of the services.
type DatabaseStatus struct {
	// Kind is MySQL or MariaDB.
	Kind    string `json:"kind"`
	Version string `json:"version"`
	// DSN is the URL of an account with all privileges.
	DSN string `json:"dsn"`
	// Names are those of the services' databases, by service.
	Names map[string]string `json:"names"`
}

// PubSubStatus is the Pub/Sub broker.
type PubSubStatus struct {
	// Host is the value for PUBSUB_EMULATOR_HOST.
	Host    string `json:"host"`
	Project string `json:"project"`
}

// MailStatus is the local mail server.
type MailStatus struct {
	// URL is the URL of its page and API.
	URL string `json:"url"`
	// SMTP is the URL for sending mail.
	SMTP string `json:"smtp"`
}

// PaymentStatus is the payment provider.
type PaymentStatus struct {
	// URL is the URL of its API and payment pages.
	URL string `json:"url"`
	// APIKey is the bearer token of its API.
	APIKey string `json:"apiKey"`
	// Required reports whether new orders must be paid.
	Required bool `json:"required"`
}

// String returns the server's kind and version.
func (d DatabaseStatus) String() string { return d.Kind + " " + d.Version }
