package user

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/apikey"
	"souk/shared/function/functiontest"
)

// TestKeyUsed requires that the latest hour is stored, in whatever order the events of the services are
// delivered, and that the version of the key remains.
func TestKeyUsed(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, token := s.mustAdmin(t)
	k := s.mustCreateKey(t, token)
	path := "/" + k.ID.String()
	hour := time.Date(2026, 11, 29, 15, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{hour.Add(-time.Hour), hour, hour.Add(-2 * time.Hour), hour} {
		used := apikey.Used{Uses: []apikey.Use{{KeyID: uuid.New(), UsedAt: at}, {KeyID: k.ID, UsedAt: at}}}
		e := functiontest.NewEvent(t, apikey.UsedTopic.Name(), used)
		for range 2 {
			s.Deliver(t, "key-used", e).MustBe(t, http.StatusNoContent)
		}
	}
	var shown Key
	got := s.key(t, token, http.MethodGet, path, "", nil).MustBe(t, http.StatusOK)
	got.Into(t, &shown)
	if shown.LastUsedAt == nil || !shown.LastUsedAt.Equal(hour) || shown.Version != 1 {
		t.Errorf("got %+v, want the last use at %s", shown, hour)
	}
	etag := got.Header.Get("ETag")
	if etag == `"1"` {
		t.Error("the ETag does not change with the last use")
	}
	s.key(t, token, http.MethodDelete, path, etag, nil).MustBe(t, http.StatusNoContent)
}

// TestUseIsReported uses a key and runs the sweep, whose event has the hour.
func TestUseIsReported(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, token := s.mustAdmin(t)
	k := s.mustCreateKey(t, token)
	s.requireKey(t, k.Secret, true)
	s.requireKey(t, k.Secret, true)
	sweep := functiontest.NewEvent(t, "schedule-due", object{})
	for range 2 {
		s.DeliverUnchecked(t, "user-outbox", sweep).MustBe(t, http.StatusNoContent)
	}
	events := s.Published.Events(apikey.UsedTopic.Name())
	if len(events) != 1 {
		t.Fatalf("%d events, want 1", len(events))
	}
	s.Deliver(t, "key-used", events[0]).MustBe(t, http.StatusNoContent)
	var shown Key
	s.key(t, token, http.MethodGet, "/"+k.ID.String(), "", nil).MustBe(t, http.StatusOK).Into(t, &shown)
	if shown.LastUsedAt == nil || time.Since(*shown.LastUsedAt) > 2*time.Hour {
		t.Errorf("the key was used at %v", shown.LastUsedAt)
	}
}
