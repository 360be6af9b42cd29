// Package revocation revokes access tokens before they expire. The service that issues
// tokens publishes an event for those it revokes. Every service stores it in a table of
// its own database, and every instance checks tokens against a copy of that table in
// memory, which requests refresh. See docs/adr/0025.
package revocation

import (
	"context"
	"embed"
	"errors"
	"math"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/event"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations create the table of revocations. Every service's database has it.
var Migrations = database.Migrations{Name: "revocation", FS: files}

// Topic is the topic of the events that access tokens were revoked.
var Topic = event.NewTopic[Revoked]("access-revoked", "user")

// Retention is how long a revocation is stored: until the last token that it revokes has
// expired, even if its event arrives late.
const Retention = auth.AccessTokenLifetime + overlap

// Revoked is the event that access tokens were revoked: those of a session or, without
// one, those of a user with rights of an earlier version.
type Revoked struct {
	UserID        uuid.UUID  `json:"userId"`
	SessionID     *uuid.UUID `json:"sessionId,omitempty" doc:"The session that has ended."`
	RightsVersion int64      `json:"rightsVersion,omitempty" doc:"Tokens with an earlier version of the user's rights are revoked."`
}

// OfSession returns the revocation of all tokens of a session.
func OfSession(userID, sessionID uuid.UUID) Revoked {
	return Revoked{UserID: userID, SessionID: &sessionID}
}

// OfUser returns the revocation of a user's tokens with a lower rights version.
func OfUser(userID uuid.UUID, rightsVersion int64) Revoked {
	return Revoked{UserID: userID, RightsVersion: rightsVersion}
}

// entry returns the row of a revocation.
func (r Revoked) entry() (entry, error) {
	switch {
	case r.UserID == uuid.Nil:
		return entry{}, errors.New("a revocation without a user")
	case r.SessionID != nil && *r.SessionID != uuid.Nil && r.RightsVersion == 0:
		return entry{subject: *r.SessionID, minVersion: math.MaxInt64}, nil
	case r.SessionID == nil && r.RightsVersion > 0:
		return entry{subject: r.UserID, minVersion: r.RightsVersion}, nil
	}
	return entry{}, errors.New("a revocation of neither a session nor earlier rights")
}

// Store stores a revocation in tx. It takes effect in this instance after the commit, in
// others when they refresh their copy.
func (l *List) Store(ctx context.Context, tx *database.Tx, r Revoked) error {
	e, err := r.entry()
	if err != nil {
		return err
	}
	e.storedAt = l.now()
	if err := upsert(ctx, tx, e); err != nil {
		return err
	}
	tx.AfterCommit(func(context.Context) { l.merge([]entry{e}) })
	return nil
}
