package user

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

func (s server) mustRotate(t *testing.T, token string, id uuid.UUID, overlap time.Duration) KeyWithSecret {
	t.Helper()
	var k KeyWithSecret
	s.key(t, token, http.MethodPost, "/"+id.String()+"/rotate", "", object{"overlapSeconds": int(overlap.Seconds())}).MustBe(t, http.StatusOK).Into(t, &k)
	return k
}

func TestRotateKey(t *testing.T) {
	t.Parallel()
	moving := &movingClock{}
	s := openWith(t, nil, functiontest.WithClock(moving.now))
	_, token := s.mustAdmin(t)

	first := s.mustCreateKey(t, token)
	second := s.mustRotate(t, token, first.ID, time.Hour)
	if second.Version != 2 || second.PreviousSecretUntil == nil || second.PreviousSecretUntil.Sub(second.RotatedAt) != time.Hour {
		t.Errorf("got %+v", second.Key)
	}
	s.requireKey(t, first.Secret, true)
	s.requireKey(t, second.Secret, true)
	moving.advance(time.Hour)
	s.requireKey(t, first.Secret, false)
	s.requireKey(t, second.Secret, true)
	var shown Key
	s.key(t, token, http.MethodGet, "/"+first.ID.String(), "", nil).MustBe(t, http.StatusOK).Into(t, &shown)
	if shown.PreviousSecretUntil != nil {
		t.Error("the key still shows the end of the overlap")
	}

	third := s.mustRotate(t, token, first.ID, 7*24*time.Hour)
	fourth := s.mustRotate(t, token, first.ID, time.Hour) // ends the overlap of the second
	s.requireKey(t, second.Secret, false)
	s.requireKey(t, third.Secret, true)
	s.requireKey(t, fourth.Secret, true)
	last := s.mustRotate(t, token, first.ID, 0)
	s.requireKey(t, fourth.Secret, false)
	s.requireKey(t, last.Secret, true)

	path := "/" + first.ID.String() + "/rotate"
	var byDefault KeyWithSecret
	s.key(t, token, http.MethodPost, path, "", object{}).MustBe(t, http.StatusOK).Into(t, &byDefault)
	if byDefault.PreviousSecretUntil == nil || byDefault.PreviousSecretUntil.Sub(byDefault.RotatedAt) != defaultOverlap {
		t.Errorf("without an overlap, the secret so far is accepted until %v", byDefault.PreviousSecretUntil)
	}
	for _, overlap := range []any{-1, 7*24*3600 + 1, "1h"} {
		s.key(t, token, http.MethodPost, path, "", object{"overlapSeconds": overlap}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	}
	s.key(t, s.limited(t), http.MethodPost, path, "", object{}).MustBeProblem(t, http.StatusForbidden, "scope_exceeds_role")
	s.key(t, token, http.MethodPost, "/"+uuid.NewString()+"/rotate", "", object{}).MustBeProblem(t, http.StatusNotFound, "key_not_found")
}

// TestRotateAndRevoke rotates a key many times while it is revoked: afterwards no secret works, whatever
// order the events are delivered in.
func TestRotateAndRevoke(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, token := s.mustAdmin(t)
	k := s.mustCreateKey(t, token)
	path := "/" + k.ID.String()
	secrets := []string{k.Secret}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			if i == 6 {
				s.key(t, token, http.MethodDelete, path, "*", nil).MustBe(t, http.StatusNoContent)
				return
			}
			got := s.key(t, token, http.MethodPost, path+"/rotate", "", object{"overlapSeconds": 3600})
			if got.Status != http.StatusOK {
				got.MustBeProblem(t, http.StatusNotFound, "key_not_found")
				return
			}
			var rotated KeyWithSecret
			got.Into(t, &rotated)
			mu.Lock()
			defer mu.Unlock()
			secrets = append(secrets, rotated.Secret)
		})
	}
	wg.Wait()
	for _, secret := range secrets {
		s.requireKey(t, secret, false)
	}
	versions, last := map[int64]bool{}, int64(0)
	for _, e := range s.mustFindKeyEvents(t, k.ID) {
		if versions[e.Version] {
			t.Errorf("version %d was published twice", e.Version)
		}
		versions[e.Version] = true
		if e.Revoked {
			last = e.Version
		}
	}
	if last != int64(len(versions)) || len(versions) != len(secrets)+1 {
		t.Errorf("the revocation has version %d of %d, of %d secrets", last, len(versions), len(secrets))
	}
}
