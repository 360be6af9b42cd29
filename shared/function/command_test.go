package function_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
)

const commandList = `
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: note-write, service: test, http: "POST /notes/{outcome}", access: user}
`

var noteMigrations = database.Migrations{Name: "note", FS: fstest.MapFS{"00001_note.sql": {
	Data: []byte("-- +goose Up\nCREATE TABLE note (id BINARY(16) NOT NULL PRIMARY KEY);\n-- +goose Down\nDROP TABLE note;\n"),
}}}

type noteInput struct {
	api.Prefer
	Outcome string `path:"outcome"`
}

type noteBody struct {
	ID   uuid.UUID `json:"id"`
	Read bool      `json:"read"`
}

// writeNote inserts a note and returns the outcome in the path.
func writeNote(ctx context.Context, tx *database.Tx, in *noteInput) (*api.Resource[noteBody], error) {
	id := uuid.New()
	if _, err := tx.ExecContext(ctx, `INSERT INTO note (id) VALUES (?)`, id[:]); err != nil {
		return nil, err
	}
	switch in.Outcome {
	case "conflict":
		return nil, api.NewProblem(http.StatusConflict, "sold_out", "Nothing is left.")
	case "missing":
		return nil, api.NotFound("note", id)
	case "error":
		return nil, errors.New("boom")
	}
	return &api.Resource[noteBody]{ETag: api.ETag(1), Location: "/notes/" + id.String(), Body: noteBody{ID: id}}, nil
}

// readNote is a step after the commit that marks the note in the response as read.
func readNote(_ context.Context, in *noteInput, out *api.Resource[noteBody]) *api.Resource[noteBody] {
	wait, applied := in.Wait()
	if wait == 0 {
		return nil
	}
	shown := *out
	shown.PreferenceApplied, shown.Body.Read = applied, true
	return &shown
}

func startCommand(t *testing.T) *functiontest.Server {
	t.Helper()
	return functiontest.Start(t, mustManifest(t, commandList), "test", func(*function.Runtime) ([]function.Function, error) {
		return []function.Function{function.Command("note-write", writeNote, function.Created, function.AfterCommit(readNote))}, nil
	}, noteMigrations, nil)
}

func TestCommand(t *testing.T) {
	t.Parallel()
	s := startCommand(t)
	_, token := s.Tokens.Customer(t)
	send := func(t *testing.T, outcome, key, prefer string) functiontest.Response {
		t.Helper()
		return s.Do(t, functiontest.Request{
			Method: http.MethodPost, Path: "/notes/" + outcome, Token: token,
			Header: map[string]string{idempotency.HeaderKey: key, "Prefer": prefer},
		})
	}
	notes := func(t *testing.T) (n int) {
		t.Helper()
		if err := s.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM note`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	replayed := func(r functiontest.Response) bool { return r.Header.Get(idempotency.HeaderReplayed) == "true" }

	t.Run("returns the same response with a key, without one and in a replay", func(t *testing.T) {
		before, key := notes(t), uuid.NewString()
		for _, r := range []functiontest.Response{send(t, "ok", "", ""), send(t, "ok", key, ""), send(t, "ok", key, "")} {
			var body noteBody
			if r.MustBe(t, http.StatusCreated).Into(t, &body); body.ID == uuid.Nil || body.Read {
				t.Errorf("the body is %s", r.Body)
			}
			if r.Header.Get("Location") != "/notes/"+body.ID.String() || r.Header.Get("ETag") != `"1"` || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("the header is %v", r.Header)
			}
		}
		if got := notes(t) - before; got != 2 {
			t.Errorf("there are %d notes more, want 2", got)
		}
	})

	t.Run("sends the output of the step after the commit and stores the handler's response", func(t *testing.T) {
		key := uuid.NewString()
		var first, again noteBody
		r := send(t, "ok", key, "wait=1")
		r.MustBe(t, http.StatusCreated).Into(t, &first)
		if !first.Read || r.Header.Get("Preference-Applied") != "wait=1" || replayed(r) {
			t.Errorf("the response is %v %s", r.Header, r.Body)
		}
		r2 := send(t, "ok", key, "wait=1")
		r2.MustBe(t, http.StatusCreated).Into(t, &again)
		if again.Read || r2.Header.Get("Preference-Applied") != "" || !replayed(r2) {
			t.Errorf("the replay is %v %s", r2.Header, r2.Body)
		}
		if again.ID != first.ID || r.Header.Get("Location") != r2.Header.Get("Location") {
			t.Errorf("the replay is of another note: %s, first %s", r2.Body, r.Body)
		}
		if r := send(t, "ok", "", "wait=1"); r.Header.Get("Preference-Applied") != "wait=1" {
			t.Errorf("without a key: %v %s", r.Header, r.Body)
		}
	})

	for outcome, want := range map[string]struct {
		status int
		code   string
		stored bool
	}{
		"conflict": {http.StatusConflict, "sold_out", true},
		"missing":  {http.StatusNotFound, "note_not_found", false},
		"error":    {http.StatusInternalServerError, "internal", false},
	} {
		t.Run("rolls back when the outcome is "+outcome, func(t *testing.T) {
			before, key := notes(t), uuid.NewString()
			first, again := send(t, outcome, key, ""), send(t, outcome, key, "")
			first.MustBeProblem(t, want.status, want.code)
			again.MustBeProblem(t, want.status, want.code)
			send(t, outcome, "", "").MustBeProblem(t, want.status, want.code)
			if replayed(again) != want.stored || want.stored && string(first.Body) != string(again.Body) {
				t.Errorf("retried: %v %s, first %s", again.Header, again.Body, first.Body)
			}
			if got := notes(t) - before; got != 0 {
				t.Errorf("there are %d notes more", got)
			}
		})
	}
}

func TestCommandRegistration(t *testing.T) {
	t.Parallel()
	plain := func(context.Context, *noteInput) (*api.Resource[noteBody], error) { return nil, nil } //nolint:nilnil // not called
	other := func(context.Context, *struct{}, *api.Resource[noteBody]) *api.Resource[noteBody] { return nil }
	for want, registered := range map[string]function.Function{
		"register it with function.Command": function.HTTP("note-write", plain),
		"step after the commit":             function.Command("note-write", writeNote, function.AfterCommit(other)),
	} {
		runtime := function.NewRuntime(function.Options{Manifest: mustManifest(t, commandList), Service: "test"})
		_, err := function.NewHandler(runtime, func(*function.Runtime) ([]function.Function, error) {
			return []function.Function{registered}, nil
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
