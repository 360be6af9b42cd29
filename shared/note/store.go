package note

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

const columns = `id, body, author_kind, author_id, author_role, version, created_at, updated_at`

func scan(row database.Scanner) (n Note, err error) {
	var author uuid.NullUUID
	err = row.Scan(&n.ID, &n.Text, &n.Author.Kind, &author, &n.Author.Role, &n.Version, &n.CreatedAt, &n.UpdatedAt)
	if author.Valid {
		n.Author.ID = &author.UUID
	}
	return n, err
}

// require returns a problem if there is no resource with an id. The suffix may lock it.
func (s Subject) require(ctx context.Context, q database.Queryer, id uuid.UUID, suffix string) error {
	_, err := database.Get(ctx, q, database.ScanColumn[uuid.UUID], `SELECT id FROM `+s.Table+` WHERE id = ?`+suffix, id[:])
	if errors.Is(err, database.ErrNotFound) {
		return api.NotFound(s.Resource, id)
	}
	if err != nil {
		return fmt.Errorf("read %s %s: %w", s.Resource, id, err)
	}
	return nil
}

// count returns the number of notes on a locked resource.
func (s Subject) count(ctx context.Context, tx *database.Tx, id uuid.UUID) (int, error) {
	return database.Get(ctx, tx, database.ScanColumn[int], `SELECT COUNT(*) FROM `+s.Notes+` WHERE `+s.Key+` = ?`, id[:])
}

func (s Subject) insert(ctx context.Context, tx *database.Tx, id uuid.UUID, n *Note) error {
	var author []byte
	if n.Author.ID != nil {
		author = n.Author.ID[:]
	}
	return database.InsertRows(ctx, tx, s.Notes+` (`+s.Key+`, `+columns+`)`, "",
		[][]any{{id[:], n.ID[:], n.Text, n.Author.Kind, author, n.Author.Role, n.Version, n.CreatedAt, n.UpdatedAt}})
}

// selectNotes returns notes on a resource with lower ids, which are older, newest first.
func (s Subject) selectNotes(ctx context.Context, q database.Queryer, id, before uuid.UUID, limit int) ([]Note, error) {
	return database.Collect(ctx, q, scan, `
		SELECT `+columns+`
		FROM `+s.Notes+` FORCE INDEX (PRIMARY)
		WHERE `+s.Key+` = ? AND id < ?
		ORDER BY id DESC
		LIMIT ?`, id[:], before[:], limit)
}

// getLocked returns a note and locks it until the transaction ends.
func (s Subject) getLocked(ctx context.Context, tx *database.Tx, id, noteID uuid.UUID) (Note, error) {
	return database.Get(ctx, tx, scan, `
		SELECT `+columns+`
		FROM `+s.Notes+`
		WHERE `+s.Key+` = ? AND id = ?
		FOR UPDATE`, id[:], noteID[:])
}

// update stores a locked note.
func (s Subject) update(ctx context.Context, tx *database.Tx, id uuid.UUID, n *Note) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE `+s.Notes+`
		SET body = ?, version = ?, updated_at = ?
		WHERE `+s.Key+` = ? AND id = ?`, n.Text, n.Version, n.UpdatedAt, id[:], n.ID[:])
	return err
}

func (s Subject) delete(ctx context.Context, tx *database.Tx, id, noteID uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM `+s.Notes+`
		WHERE `+s.Key+` = ? AND id = ?`, id[:], noteID[:])
	return err
}

// EraseAuthor removes a deleted account from the notes that it has created, which remain.
func (s Subject) EraseAuthor(ctx context.Context, tx *database.Tx, account uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE `+s.Notes+`
		SET author_id = NULL
		WHERE author_id = ?`, account[:])
	if err != nil {
		return fmt.Errorf("erase account %s from notes: %w", account, err)
	}
	return nil
}
