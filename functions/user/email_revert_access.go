package user

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/trail"
)

// removeFactorsSince removes the factors and the recovery codes of a locked account that were
// added since a time. Older ones remain.
func (s *service) removeFactorsSince(ctx context.Context, tx *database.Tx, userID uuid.UUID, since time.Time) error {
	if err := deleteUnconfirmedTOTP(ctx, tx, userID); err != nil {
		return err
	}
	removed := false
	for _, remove := range []func(context.Context, database.Queryer, uuid.UUID, time.Time) (bool, error){
		deleteTOTPSince, deletePasskeysSince, deleteRecoveryCodesSince,
	} {
		found, err := remove(ctx, tx, userID, since)
		if err != nil {
			return err
		}
		removed = removed || found
	}
	if !removed {
		return nil
	}
	remaining, err := selectFactors(ctx, tx, userID)
	if err != nil {
		return err
	}
	if len(remaining) == 0 {
		if err := deleteRecoveryCodes(ctx, tx, userID); err != nil {
			return err
		}
		if err := updateSecondFactor(ctx, tx, userID, false); err != nil {
			return err
		}
	}
	return s.publishFactorChange(ctx, tx, userID, secondFactorReverted)
}

// revokeKeysSince revokes the API keys that a locked account has created or rotated since a time:
// their secrets were in its responses.
func (s *service) revokeKeysSince(ctx context.Context, tx *database.Tx, userID uuid.UUID, since time.Time) error {
	keys, err := lockKeysSince(ctx, tx, since)
	if err != nil || len(keys) == 0 {
		return err
	}
	seen, err := trail.LockResources(ctx, tx, userID, since, "key-create", "key-rotate")
	if err != nil {
		return err
	}
	for _, k := range keys {
		if !slices.Contains(seen, k.ID) {
			continue
		}
		if err := s.revokeKey(ctx, tx, k); err != nil {
			return err
		}
	}
	return nil
}
