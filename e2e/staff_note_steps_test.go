package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"souk/functions/fixtures"
	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/note"
)

// noteSteps write a note on the order, change and delete it, and find the order by a tag.
var noteSteps = []staffStep{
	{
		name: "write a note", needs: needs(manifest.OrdersWrite), changesOrder: "order-note-create",
		request: func(d *staffDay) functiontest.Request {
			return functiontest.Request{Method: http.MethodPost, Path: d.notesPath(), Body: map[string]any{"text": "ring twice " + d.mark}}
		},
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			d.writer = d.by
			if r.Into(t, &d.note); r.Header.Get("ETag") != `"1"` || d.note.Text != "ring twice "+d.mark {
				t.Errorf("got %s with the ETag %s", r.Body, r.Header.Get("ETag"))
			}
		},
	}, {
		name: "read the notes", needs: needs(manifest.OrdersRead), request: get((*staffDay).notesPath),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			d.requireNotes(t, r, "ring twice "+d.mark)
		},
	}, {
		name: "change the note", needs: needs(manifest.OrdersWrite), changesOrder: "order-note-update",
		request: func(d *staffDay) functiontest.Request {
			return functiontest.Request{Method: http.MethodPatch, Path: d.notePath(), Header: map[string]string{"If-Match": `"1"`}, Body: map[string]any{"text": "ring once " + d.mark}}
		},
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			if r.Header.Get("ETag") != `"2"` {
				t.Errorf("the ETag is %s", r.Header.Get("ETag"))
			}
			d.requireNotes(t, d.system.do(t, getRequest(d.owner.token, d.notesPath())).MustBe(t, http.StatusOK), "ring once "+d.mark)
		},
	}, {
		name: "delete the note", needs: needs(manifest.OrdersWrite), changesOrder: "order-note-delete",
		request: func(d *staffDay) functiontest.Request {
			return functiontest.Request{Method: http.MethodDelete, Path: d.notePath(), Header: map[string]string{"If-Match": `"2"`}}
		},
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			d.requireNotes(t, d.system.do(t, getRequest(d.owner.token, d.notesPath())).MustBe(t, http.StatusOK))
		},
	}, {
		name: "tag the order", needs: needs(manifest.OrdersWrite), changesOrder: "order-tags",
		request: func(d *staffDay) functiontest.Request {
			return functiontest.Request{Method: http.MethodPut, Path: "/v1/orders/" + d.order.ID.String() + "/tags", Header: map[string]string{"If-Match": "*"},
				Body: map[string]any{"tags": []any{"Gift-" + d.mark, "fragile"}}}
		},
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			if o := d.read(t); !slices.Equal(o.Tags, []string{"Gift-" + d.mark, "fragile"}) {
				t.Errorf("the tags are %v", o.Tags)
			}
			if r := d.system.do(t, fixtures.GetOrder(d.buyer, d.order.ID)).MustBe(t, http.StatusOK); strings.Contains(string(r.Body), "fragile") {
				t.Errorf("the customer sees the tags: %s", r.Body)
			}
			d.system.do(t, getRequest(d.buyer, d.notesPath())).MustBeProblem(t, http.StatusForbidden, api.CodeForbidden)
		},
	}, {
		name: "find the order by its tag", needs: needs(manifest.OrdersRead),
		request: get(func(d *staffDay) string { return "/v1/orders?tag=gift-" + d.mark }),
		check:   func(t *testing.T, d *staffDay, r functiontest.Response) { t.Helper(); d.requireOnlyOrder(t, r) },
	},
}

func (d *staffDay) notesPath() string { return "/v1/orders/" + d.order.ID.String() + "/notes" }

func (d *staffDay) notePath() string { return d.notesPath() + "/" + d.note.ID.String() }

// requireNotes requires that a list has notes with these texts only, by the member who has written them.
func (d *staffDay) requireNotes(t *testing.T, r functiontest.Response, texts ...string) {
	t.Helper()
	var page api.Page[note.Note]
	r.Into(t, &page)
	var got []string
	for _, n := range page.Items {
		got = append(got, n.Text)
		if n.ID != d.note.ID || n.Author.ID == nil || *n.Author.ID != d.writer.id || n.Author.Role != string(d.writer.role) {
			t.Errorf("a note is %+v, want one by %+v", n, d.writer)
		}
	}
	if !slices.Equal(got, texts) {
		t.Errorf("the notes are %q, want %q", got, texts)
	}
}
