package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"souk/emulators/local"
	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
)

// TestFirstAdminCommand does what the job on Cloud SQL does, but for how it gets there.
func TestFirstAdminCommand(t *testing.T) {
	t.Parallel()
	sets, err := local.Migrations("user")
	if err != nil {
		t.Fatal(err)
	}
	settings := database.Config{URL: dbtest.Create(t, sets...)}
	db, err := database.Open(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, email := range []string{"amira@example.com", "ben@example.com"} {
		if _, err := user.Seed(t.Context(), db, email, "seven green lanterns", auth.Customer); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	p := &program{getenv: func(string) string { return "" }, stderr: &said}
	if err := p.firstAdmin(t.Context(), settings, "amira@example.com"); err != nil || !strings.Contains(said.String(), "is an owner") {
		t.Errorf("got %v, said %q", err, said.String())
	}
	if err := p.firstAdmin(t.Context(), settings, "ben@example.com"); !errors.Is(err, user.ErrHasOwner) {
		t.Errorf("a second one: got %v", err)
	}
}
