package payment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/database"
)

const (
	// listPages is how many pages of the provider's list one run of payment-reconcile reads.
	listPages = 10
	// listOverlap is how far the list goes back before the begin of the one before: longer than
	// the creation of a payment may take, and than clocks differ.
	listOverlap = 10 * time.Minute
	// firstList is how far the first list goes back.
	firstList = 24 * time.Hour
)

// reconciliation is how far the provider's list was compared.
type reconciliation struct {
	since     time.Time
	pageToken string
	beganAt   time.Time // of the list that is in progress, the zero time if none is
}

// compareList compares the next pages of the provider's list of payments. It is not necessary for
// payments that the service knows: it finds those that it does not. A shop without payments has no
// provider that could be asked.
func (s *service) compareList(ctx context.Context) error {
	newest, err := database.Get(ctx, s.DB, database.ScanColumn[uuid.NullUUID], `SELECT MAX(order_id) FROM payment`)
	if err != nil {
		return fmt.Errorf("read whether there are payments: %w", err)
	}
	if !newest.Valid {
		return nil
	}
	r, err := selectReconciliation(ctx, s.DB, s.provider.Name())
	if errors.Is(err, database.ErrNotFound) {
		r, err = reconciliation{since: s.Now().Add(-firstList)}, nil
	}
	if err != nil {
		return err
	}
	if r.beganAt.IsZero() {
		r.beganAt = s.Now()
	}
	for range listPages {
		page, err := s.provider.List(ctx, provider.Query{Since: r.since, PageToken: r.pageToken})
		if err != nil {
			slog.WarnContext(ctx, "cannot read the provider's list of payments", "error", err)
			return nil // The next run reads it.
		}
		if err := s.comparePage(ctx, page.Items); err != nil {
			return err
		}
		if r.pageToken = page.NextPageToken; r.pageToken == "" {
			r = reconciliation{since: r.beganAt.Add(-listOverlap)}
			break
		}
	}
	return saveReconciliation(ctx, s.DB, s.provider.Name(), r)
}

// comparePage compares the payments of a page, without a transaction for those that are known as
// they are.
func (s *service) comparePage(ctx context.Context, items []provider.Payment) error {
	var ids []uuid.UUID
	for _, item := range items {
		if id, err := uuid.Parse(item.Reference); err == nil {
			ids = append(ids, id)
		}
	}
	known, err := selectKnown(ctx, s.DB, s.provider.Name(), ids)
	if err != nil {
		return fmt.Errorf("read %d payments: %w", len(ids), err)
	}
	for _, item := range items {
		if version, found := known[item.ID]; found && version >= item.Version {
			continue
		}
		if err := s.compare(ctx, item); err != nil {
			return fmt.Errorf("compare payment %s: %w", item.ID, err)
		}
	}
	return nil
}

// selectKnown returns the versions of the provider's payments of orders, by their ids.
func selectKnown(ctx context.Context, q database.Queryer, name string, orderIDs []uuid.UUID) (map[string]int64, error) {
	known := map[string]int64{}
	if len(orderIDs) == 0 {
		return known, nil
	}
	return known, database.Each(ctx, q, func(row database.Scanner) error {
		var id string
		var version int64
		err := row.Scan(&id, &version)
		known[id] = version
		return err
	}, `
		SELECT provider_payment_id, provider_version
		FROM payment FORCE INDEX (PRIMARY)
		WHERE provider = ? AND provider_payment_id IS NOT NULL AND order_id IN (`+database.Placeholders(len(orderIDs))+`)`,
		append([]any{name}, database.IDs(orderIDs)...)...)
}

func selectReconciliation(ctx context.Context, q database.Queryer, name string) (reconciliation, error) {
	return database.Get(ctx, q, func(row database.Scanner) (r reconciliation, err error) {
		var beganAt sql.NullTime
		err = row.Scan(&r.since, &r.pageToken, &beganAt)
		r.beganAt = beganAt.Time
		return r, err
	}, `
		SELECT since, list_position, began_at
		FROM reconciliation
		WHERE provider = ?`, name)
}

func saveReconciliation(ctx context.Context, q database.Queryer, name string, r reconciliation) error {
	err := database.InsertRows(ctx, q, "reconciliation (provider, since, list_position, began_at)", `
		ON DUPLICATE KEY UPDATE since = VALUES(since), list_position = VALUES(list_position), began_at = VALUES(began_at)`,
		[][]any{{name, r.since, r.pageToken, nullTime(r.beganAt)}})
	if err != nil {
		return fmt.Errorf("store how far the list was compared: %w", err)
	}
	return nil
}
