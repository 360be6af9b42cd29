package webhook

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// DeliveryState is the state of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	Pending   DeliveryState = "pending"
	Delivered DeliveryState = "delivered"
	Failed    DeliveryState = "failed" // given up after deliveryTTL
)

const (
	// deliveryTTL is for how long a delivery is attempted.
	deliveryTTL = 72 * time.Hour
	// minAttempted is for how long a delivery is attempted at least that has waited for others.
	minAttempted = time.Hour
	// retention is for how long deliveries and attempts are stored, from the creation of the
	// delivery: longer than Pub/Sub may deliver an event again, whose delivery must not be sent
	// twice.
	retention = 30 * 24 * time.Hour
)

// Delivery is an event that is sent to an endpoint.
type Delivery struct {
	EventID       uuid.UUID     `json:"eventId" format:"uuid" doc:"The id of the event: the header webhook-id."`
	Type          string        `json:"type" doc:"The type of the event." example:"order.confirmed"`
	ResourceID    uuid.UUID     `json:"resourceId" format:"uuid" doc:"What the event is about. Events of one resource are sent one after the other."`
	OccurredAt    time.Time     `json:"occurredAt" doc:"The time of the event."`
	State         DeliveryState `json:"state" enum:"pending,delivered,failed" doc:"failed was not successful for 72 hours." example:"delivered"`
	Attempts      int           `json:"attempts" doc:"The number of attempts." example:"1"`
	NextAttemptAt *time.Time    `json:"nextAttemptAt,omitempty" doc:"When a pending delivery is attempted. Absent while it waits for an earlier event of its resource."`
	ExpiresAt     time.Time     `json:"expiresAt" doc:"When a pending delivery fails."`
	CreatedAt     time.Time     `json:"createdAt"`
	UpdatedAt     time.Time     `json:"updatedAt"`
}

// sortKey is the place of an event among those of its resource: the time at which it occurred, in
// microseconds, and its id.
type sortKey [24]byte

func newSortKey(at time.Time, id uuid.UUID) (key sortKey) {
	binary.BigEndian.PutUint64(key[:], uint64(max(at.UnixMicro(), 0)))
	copy(key[8:], id[:])
	return key
}

// eventID returns the id of the event.
func (k sortKey) eventID() uuid.UUID { return uuid.UUID(k[8:]) }

// occurredAt returns the time of the event.
func (k sortKey) occurredAt() time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(k[:]))).UTC()
}

// Scan implements sql.Scanner.
func (k *sortKey) Scan(value any) error {
	text, ok := value.([]byte)
	if !ok || len(text) != len(k) {
		return errSortKey
	}
	copy(k[:], text)
	return nil
}
