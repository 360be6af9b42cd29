package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/words"
)

// wordsVersion is the version of the rules of package words. A greater one has the sweep write the words
// of all accounts again.
const wordsVersion = 1

// insertWords inserts the words of the name of an account that has none.
func insertWords(ctx context.Context, q database.Queryer, id uuid.UUID, name string) error {
	var rows [][]any
	for _, word := range words.Split(name) {
		rows = append(rows, []any{word, id[:]})
	}
	return database.InsertRows(ctx, q, "user_word (word, user_id)", "", rows)
}

// replaceWords writes the words of the name of a locked account.
func replaceWords(ctx context.Context, tx *database.Tx, id uuid.UUID, name string) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM user_word
		WHERE user_id = ?`, id[:])
	if err != nil {
		return err
	}
	if err := insertWords(ctx, tx, id, name); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE user
		SET words_version = ?
		WHERE id = ?`, wordsVersion, id[:])
	return err
}

// unindexedBatch is how many accounts a sweep reads at a time, and unindexedBatches how often.
const (
	unindexedBatch   = 100
	unindexedBatches = 50
)

// indexUsers writes the words of the names of accounts that an older version has created. Without such
// accounts, it is one read of one index entry.
func (s *service) indexUsers(ctx context.Context) error {
	for range unindexedBatches {
		ids, err := database.Collect(ctx, s.DB, database.ScanColumn[uuid.UUID], `
			SELECT id
			FROM user FORCE INDEX (user_by_words_version)
			WHERE words_version < ?
			ORDER BY words_version
			LIMIT ?`, wordsVersion, unindexedBatch)
		if err != nil {
			return fmt.Errorf("read accounts without words: %w", err)
		}
		for _, id := range ids {
			if err := s.indexUser(ctx, id); err != nil {
				return fmt.Errorf("write the words of user %s: %w", id, err)
			}
		}
		if len(ids) < unindexedBatch {
			return nil
		}
	}
	return nil
}

// indexUser writes the words of the name of an account, unless it was deleted meanwhile.
func (s *service) indexUser(ctx context.Context, id uuid.UUID) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		u, err := lockUser(ctx, tx, id)
		if errors.Is(err, database.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return replaceWords(ctx, tx, id, u.Name)
	})
}
