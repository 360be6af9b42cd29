package webhook

import (
	"time"

	"github.com/google/uuid"

	"souk/shared/event"
)

// topicDisabled has the endpoints that the service has disabled: the shop gets a mail about each.
var topicDisabled = event.NewTopic[DisabledEvent]("webhook-disabled", "webhook")

// DisabledEvent is the payload of webhook-disabled.
type DisabledEvent struct {
	EndpointID   uuid.UUID      `json:"endpointId"`
	URL          string         `json:"url"`
	Reason       DisabledReason `json:"reason"`
	FailingSince time.Time      `json:"failingSince"`
}
