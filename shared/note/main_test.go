package note

import (
	"context"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/trail"
)

// migrations create tables for notes on ships.
var migrations = database.Migrations{Name: "ship", FS: fstest.MapFS{
	"00001_ship.sql": file(`CREATE TABLE ship (id BINARY(16) NOT NULL PRIMARY KEY)`),
	"00002_ship_note.sql": file(`CREATE TABLE ship_note (
		ship_id BINARY(16) NOT NULL, id BINARY(16) NOT NULL, body VARCHAR(2000) NOT NULL,
		author_kind VARCHAR(16) NOT NULL, author_id BINARY(16) NULL, author_role VARCHAR(64) NOT NULL,
		version BIGINT NOT NULL, created_at DATETIME(6) NOT NULL, updated_at DATETIME(6) NOT NULL,
		PRIMARY KEY (ship_id, id), KEY ship_note_by_author (author_id))`),
	"00003_ship_tag.sql": file(`CREATE TABLE ship_tag (
		tag VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, ship_id BINARY(16) NOT NULL,
		PRIMARY KEY (tag, ship_id))`),
}}

func file(statement string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + ";\n\n-- +goose Down\nSELECT 1;\n")}
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(dbtest.NewPlanChecker(m, nil, migrations, trail.Migrations),
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

var ships = Subject{Resource: "ship", Path: "/v1/ships", Table: "ship", Notes: "ship_note", Tags: "ship_tag", Key: "ship_id"}

var start = time.Date(2026, 5, 6, 7, 8, 9, 123456000, time.UTC)

// mustOpen returns a database with ships.
func mustOpen(t *testing.T, ids ...uuid.UUID) *database.DB {
	t.Helper()
	db := dbtest.New(t, migrations, trail.Migrations)
	for _, id := range ids {
		if _, err := db.ExecContext(t.Context(), `INSERT INTO ship (id) VALUES (?)`, id[:]); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// by returns a context of a function that an account calls.
func by(t *testing.T, account uuid.UUID) context.Context {
	t.Helper()
	return auth.WithPrincipal(trail.WithOperation(t.Context(), "ship-note"), auth.Principal{UserID: account, Role: "keeper"})
}

func mustInTx(ctx context.Context, t *testing.T, db *database.DB, f func(context.Context, *database.Tx) error) {
	t.Helper()
	if err := db.InTx(ctx, f); err != nil {
		t.Fatal(err)
	}
}
