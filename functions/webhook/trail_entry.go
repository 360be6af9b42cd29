package webhook

import (
	"net/url"
	"time"

	"souk/shared/trail"
)

// resourceWebhook is the kind of the resource webhook in the trail.
const resourceWebhook = "webhook"

// change returns the change of an endpoint for the trail. before is nil if it was created.
func (e *Endpoint) change(before *Endpoint, at time.Time) trail.Change {
	c := trail.Change{Resource: resourceWebhook, ID: e.ID, After: e.trailFields(), At: at}
	if before != nil {
		c.Before = before.trailFields()
	}
	return c
}

// trailFields returns what the trail may have of an endpoint. The path of a URL may be a secret, and
// the description is free text: an entry has only that they have changed.
func (e *Endpoint) trailFields() trail.Fields {
	host := ""
	if u, err := url.Parse(e.URL); err == nil {
		host = u.Host
	}
	return trail.Fields{
		"host": host, "url": trail.Personal(e.URL), "eventTypes": e.EventTypes, "description": trail.Personal(e.Description),
		"status": e.Status, "disabledReason": e.DisabledReason, "previousSecretUntil": e.PreviousSecretUntil,
	}
}
