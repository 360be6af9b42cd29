package user

import (
	"context"
	"fmt"

	"souk/shared/apikey"
	"souk/shared/database"
	"souk/shared/event"
)

// keyUsed handles api-key-used: it stores the last hour in which each key was used. The latest hour
// counts, so that repeated and reordered events change nothing.
func (s *service) keyUsed(ctx context.Context, tx *database.Tx, _ event.Event, used apikey.Used) error {
	for _, use := range used.Uses {
		if err := updateLastUse(ctx, tx, use); err != nil {
			return fmt.Errorf("store the last use of key %s: %w", use.KeyID, err)
		}
	}
	return nil
}
