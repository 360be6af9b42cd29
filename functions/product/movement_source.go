package product

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"

	"souk/shared/idempotency"
)

// source identifies the origin of a movement, for audits: see movementSource.
type source [sha256.Size]byte

// movementSource returns the source of a movement. For a request with an
// Idempotency-Key it is the scope of the key, so that a request that takes effect
// twice leaves the same source twice. For a line of an import it is the hash of the
// import's id and the line's number, product and delta. Any other movement has a unique
// source.
func movementSource(ctx context.Context, id uuid.UUID, m *movement) source {
	switch scope, keyed := idempotency.ScopeFromContext(ctx); {
	case m.importID != nil:
		return importSourceHash(m)
	case keyed:
		return scope
	default:
		return sha256.Sum256(id[:])
	}
}

// importSourceHash hashes 48 bytes: the id of the import, the line, the id of the
// product and the delta. The numbers have 8 bytes, big-endian.
func importSourceHash(m *movement) source {
	text := append([]byte(nil), m.importID...)
	text = binary.BigEndian.AppendUint64(text, uint64(m.importLine))
	text = append(text, m.ProductID[:]...)
	text = binary.BigEndian.AppendUint64(text, uint64(m.Delta))
	return sha256.Sum256(text)
}
