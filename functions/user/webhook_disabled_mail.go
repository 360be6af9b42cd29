package user

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// reasonGone is the reason of an endpoint that has responded with 410. The others have only failed.
const reasonGone = "gone"

// webhookDisabled is the payload of webhook-disabled.
type webhookDisabled struct {
	EndpointID   uuid.UUID `json:"endpointId"`
	URL          string    `json:"url"`
	Reason       string    `json:"reason"`
	FailingSince time.Time `json:"failingSince"`
}

// webhookDisabledData is the data of the mail about a disabled endpoint. Of its URL it has the host
// only: path and query may contain the receiver's secrets.
type webhookDisabledData struct {
	EndpointID uuid.UUID
	Host       string
	IsGone     bool
	Since      time.Time
	// From is the time of the first event that may have failed: one may be attempted for 72 hours.
	From time.Time
}

// webhookAttempts is for how long the webhook service attempts to send an event.
const webhookAttempts = 72 * time.Hour

// webhookDisabledMail notifies the shop that nothing more is sent to an endpoint, and how to resume.
// A shop without a mailbox for it is not notified.
func (s *service) webhookDisabledMail(_ context.Context, _ *database.Tx, m *mailMessage[webhookDisabled]) (outgoingMail, error) {
	endpoint, err := url.Parse(m.Payload.URL)
	if err != nil {
		return outgoingMail{}, fmt.Errorf("parse the URL of endpoint %s", m.Payload.EndpointID) // err has the URL
	}
	return newStaffMail(s.mailboxes.Webhook, webhookDisabledTemplate, webhookDisabledData{
		EndpointID: m.Payload.EndpointID, Host: endpoint.Host, IsGone: m.Payload.Reason == reasonGone, Since: m.Payload.FailingSince.UTC(),
		From: m.Payload.FailingSince.Add(-webhookAttempts).UTC(),
	}), nil
}
