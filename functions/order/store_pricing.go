package order

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const selectSettingsSQL = `SELECT rules, version, updated_at FROM shop_settings WHERE id = 1`

// selectShopSettings returns the shop's settings: the default ones if none were stored.
func selectShopSettings(ctx context.Context, q database.Queryer) (ShopSettings, error) {
	return getShopSettings(ctx, q, selectSettingsSQL)
}

// lockShopSettings returns the shop's settings and locks them until the transaction ends. It
// stores the default ones first if none were stored.
func lockShopSettings(ctx context.Context, tx *database.Tx, now time.Time) (ShopSettings, error) {
	initial := initialShopSettings()
	rules, err := initial.encode()
	if err != nil {
		return ShopSettings{}, err
	}
	err = database.InsertRows(ctx, tx, "shop_settings (id, rules, version, revision, updated_at)", "ON DUPLICATE KEY UPDATE id = shop_settings.id",
		[][]any{{1, rules, initial.Version, 1, now}})
	if err != nil {
		return ShopSettings{}, fmt.Errorf("store the default settings: %w", err)
	}
	return getShopSettings(ctx, tx, selectSettingsSQL+` FOR UPDATE`)
}

func getShopSettings(ctx context.Context, q database.Queryer, query string) (ShopSettings, error) {
	settings, err := database.Get(ctx, q, func(row database.Scanner) (s ShopSettings, err error) {
		var rules []byte
		if err := row.Scan(&rules, &s.Version, &s.UpdatedAt); err != nil {
			return s, err
		}
		return s, s.decode(rules)
	}, query)
	if errors.Is(err, database.ErrNotFound) {
		return initialShopSettings(), nil
	}
	if err != nil {
		return ShopSettings{}, fmt.Errorf("read the shop's settings: %w", err)
	}
	return settings, nil
}

// updateShopSettings stores locked settings.
func updateShopSettings(ctx context.Context, tx *database.Tx, s *ShopSettings) error {
	rules, err := s.encode()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE shop_settings
		SET rules = ?, version = ?, revision = revision + 1, updated_at = ?
		WHERE id = 1`, rules, s.Version, s.UpdatedAt)
	return err
}

// increaseRevision makes the instances read the discounts again. The settings must be locked.
func increaseRevision(ctx context.Context, tx *database.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE shop_settings SET revision = revision + 1 WHERE id = 1`)
	return err
}

const discountColumns = `id, rules, uses, version, created_at, updated_at`

func scanDiscount(row database.Scanner) (d Discount, err error) {
	var rules []byte
	if err := row.Scan(&d.ID, &rules, &d.Uses, &d.Version, &d.CreatedAt, &d.UpdatedAt); err != nil {
		return d, err
	}
	if err := json.Unmarshal(rules, &d.DiscountRules); err != nil {
		return d, fmt.Errorf("decode discount %s: %w", d.ID, err)
	}
	return d, nil
}

func selectDiscount(ctx context.Context, q database.Queryer, id uuid.UUID) (Discount, error) {
	return database.Get(ctx, q, scanDiscount, `SELECT `+discountColumns+` FROM discount WHERE id = ?`, id[:])
}

func lockDiscount(ctx context.Context, tx *database.Tx, id uuid.UUID) (Discount, error) {
	return database.Get(ctx, tx, scanDiscount, `SELECT `+discountColumns+` FROM discount WHERE id = ? FOR UPDATE`, id[:])
}

// selectDiscounts returns discounts with lower ids, which are older, newest first.
func selectDiscounts(ctx context.Context, q database.Queryer, before uuid.UUID, limit int) ([]Discount, error) {
	return database.Collect(ctx, q, scanDiscount, `
		SELECT `+discountColumns+`
		FROM discount
		WHERE id < ?
		ORDER BY id DESC
		LIMIT ?`, before[:], limit)
}

// selectAutomaticDiscounts returns the discounts without codes, oldest first.
func selectAutomaticDiscounts(ctx context.Context, q database.Queryer) ([]Discount, error) {
	return database.Collect(ctx, q, scanDiscount, `
		SELECT `+discountColumns+`
		FROM discount FORCE INDEX (discount_by_code)
		WHERE code_key IS NULL
		ORDER BY id
		LIMIT ?`, maxAutomaticDiscounts)
}

// selectDiscountsByCode returns the discounts with codes, which are in the form of
// pricing.FoldCode.
func selectDiscountsByCode(ctx context.Context, q database.Queryer, codes []string) ([]Discount, error) {
	discounts, err := database.Collect(ctx, q, scanDiscount, `
		SELECT `+discountColumns+`
		FROM discount FORCE INDEX (discount_by_code)
		WHERE code_key IN (`+database.Placeholders(len(codes))+`)`, database.Args(codes)...)
	if err != nil {
		return nil, fmt.Errorf("read the discounts of %d codes: %w", len(codes), err)
	}
	return discounts, nil
}

// selectDiscountsByID returns discounts by id and, if requested, locks them until the transaction
// ends, in the order of their ids.
func selectDiscountsByID(ctx context.Context, q database.Queryer, ids []uuid.UUID, lock lockMode) ([]Discount, error) {
	query := `
		SELECT ` + discountColumns + `
		FROM discount FORCE INDEX (PRIMARY)
		WHERE id IN (` + database.Placeholders(len(ids)) + `)
		ORDER BY id`
	if lock {
		query += ` FOR UPDATE`
	}
	discounts, err := database.Collect(ctx, q, scanDiscount, query, database.IDs(ids)...)
	if err != nil {
		return nil, fmt.Errorf("read %d discounts from %s: %w", len(ids), ids[0], err)
	}
	return discounts, nil
}

// discountValues returns the values of the columns code_key and rules.
func discountValues(d *Discount) (code sql.NullString, rules []byte, err error) {
	rules, err = json.Marshal(d.DiscountRules)
	if err != nil {
		return code, nil, fmt.Errorf("encode discount %s: %w", d.ID, err)
	}
	return d.codeKey(), rules, nil
}

func insertDiscount(ctx context.Context, tx *database.Tx, d *Discount) error {
	code, rules, err := discountValues(d)
	if err != nil {
		return err
	}
	return database.InsertRows(ctx, tx, "discount (code_key, max_uses, "+discountColumns+")", "",
		[][]any{{code, d.MaxUses, d.ID[:], rules, d.Uses, d.Version, d.CreatedAt, d.UpdatedAt}})
}

// updateDiscount stores a locked discount.
func updateDiscount(ctx context.Context, tx *database.Tx, d *Discount) error {
	code, rules, err := discountValues(d)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE discount
		SET code_key = ?, rules = ?, max_uses = ?, version = ?, updated_at = ?
		WHERE id = ?`, code, rules, d.MaxUses, d.Version, d.UpdatedAt, d.ID[:])
	return err
}

func deleteDiscount(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM discount WHERE id = ?`, id[:])
	return err
}
