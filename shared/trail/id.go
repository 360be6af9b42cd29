package trail

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// newID returns a new UUIDv7 of a time, so that entries are selected by time with the primary key.
func newID(at time.Time) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("create the id of an entry: %w", err)
	}
	first := firstID(at)
	copy(id[:6], first[:6])
	return id, nil
}

// firstID returns the lowest possible id of an entry of the given time. A UUIDv7 begins with its
// creation time in milliseconds (RFC 9562, section 5.7).
func firstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(max(at.UnixMilli(), 0))<<16)
	return id
}
