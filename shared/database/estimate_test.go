package database_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestEstimateRows(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for _, statement := range []string{
		`CREATE TABLE thing (kind INT NOT NULL, n INT NOT NULL, PRIMARY KEY (kind, n))`,
		`INSERT INTO thing VALUES (1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (3, 4), (3, 5), (3, 6), (3, 7)`,
		`ANALYZE TABLE thing`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	got, err := database.EstimateRows(t.Context(), db, `
		SELECT 1 FROM thing WHERE kind = ?
		UNION ALL SELECT 1 FROM thing WHERE kind = ?`, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{1, 2}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := database.EstimateRows(t.Context(), db, `SELECT 1 FROM nothing`); err == nil {
		t.Error("no error for a missing table")
	}
}
