package audit

import (
	"bytes"
	"context"
	"database/sql"

	"github.com/google/uuid"
)

// stream reads a result set that is ordered by a key, the rows of one key at a time.
type stream[T any] struct {
	from *snapshot
	rows *sql.Rows
	scan func(*sql.Rows) (uuid.UUID, T, error)

	// next is the row that follows those handed out, unless the stream has ended.
	key   uuid.UUID
	next  T
	ended bool
}

// open begins a stream of rows that the statement must order by the key that scan
// returns.
func open[T any](ctx context.Context, from *snapshot, scan func(*sql.Rows) (uuid.UUID, T, error), statement string, args ...any) (*stream[T], error) {
	rows, err := from.conn.QueryContext(ctx, statement, args...) //nolint:rowserrcheck // advance checks it
	if err != nil {
		return nil, from.failed(err)
	}
	s := &stream[T]{from: from, rows: rows, scan: scan}
	return s, s.advance()
}

func (s *stream[T]) advance() (err error) {
	if !s.rows.Next() {
		s.ended = true
		return s.from.failed(s.rows.Err())
	}
	s.key, s.next, err = s.scan(s.rows)
	return s.from.failed(err)
}

// group returns the rows of the key that is next.
func (s *stream[T]) group() (rows []T, err error) {
	for key := s.key; !s.ended && s.key == key && err == nil; {
		rows = append(rows, s.next)
		err = s.advance()
	}
	return rows, err
}

func (s *stream[T]) close() { _ = s.rows.Close() } // What was read is read.

// each visits the rows of one key after those of another.
func each[T any](s *stream[T], visit func(id uuid.UUID, rows []T)) error {
	defer s.close()
	for !s.ended {
		id := s.key
		rows, err := s.group()
		if err != nil {
			return err
		}
		visit(id, rows)
	}
	return nil
}

// merge visits every key of two streams once, in order, with the rows that each
// has of it.
func merge[L, R any](left *stream[L], right *stream[R], visit func(id uuid.UUID, l []L, r []R)) error {
	defer left.close()
	defer right.close()
	for !left.ended || !right.ended {
		order := compareHeads(left, right)
		var l []L
		var r []R
		var err error
		id := left.key
		if order > 0 {
			id = right.key
		}
		if order <= 0 {
			if l, err = left.group(); err != nil {
				return err
			}
		}
		if order >= 0 {
			if r, err = right.group(); err != nil {
				return err
			}
		}
		visit(id, l, r)
	}
	return nil
}

// compareHeads compares the next keys of two streams. A stream that has ended sorts
// last.
func compareHeads[L, R any](left *stream[L], right *stream[R]) int {
	switch {
	case left.ended:
		return 1
	case right.ended:
		return -1
	}
	return bytes.Compare(left.key[:], right.key[:])
}

// scanID reads a row that is an id alone, for open.
func scanID(rows *sql.Rows) (id uuid.UUID, _ struct{}, err error) {
	return id, struct{}{}, rows.Scan(&id)
}
