package user

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// setTags sends the tags of an account.
func (s server) setTags(t *testing.T, token string, id uuid.UUID, etag string, tags any) functiontest.Response {
	t.Helper()
	header := map[string]string{}
	if etag != "" {
		header["If-Match"] = etag
	}
	return s.Do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/users/" + id.String() + "/tags", Token: token, Header: header, Body: object{"tags": tags}})
}

func (s server) mustSetTags(t *testing.T, token string, id uuid.UUID, tags ...string) (u accountTags) {
	t.Helper()
	s.setTags(t, token, id, "*", append([]string{}, tags...)).MustBe(t, http.StatusOK).Into(t, &u)
	return u
}

func TestTags(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin := s.Tokens.Admin(t)

	t.Run("tags are replaced with the ETag of the account as staff reads it", func(t *testing.T) {
		t.Parallel()
		u := s.mustRegister(t, "ada@example.com")
		s.mustCreateAddress(t, s.Token(t, auth.Principal{UserID: u.ID, Role: auth.Customer}))
		read := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users/" + u.ID.String(), Token: admin}).MustBe(t, http.StatusOK)
		set := s.setTags(t, s.Tokens.Staff(t, manifest.CustomersWrite), u.ID, read.Header.Get("ETag"), []string{" VIP ", "wholesale"}).MustBe(t, http.StatusOK)
		var after accountTags
		if set.Into(t, &after); !slices.Equal(after.Tags, []string{"VIP", "wholesale"}) || after.Version != 2 || strings.Contains(string(set.Body), "ada@example.com") || set.Header.Get("ETag") == read.Header.Get("ETag") {
			t.Errorf("got %s", set.Body)
		}
		s.setTags(t, admin, u.ID, read.Header.Get("ETag"), []string{"late"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.setTags(t, admin, u.ID, "", []string{"late"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		if same := s.mustSetTags(t, admin, u.ID, "VIP", "wholesale"); same.Version != 2 {
			t.Errorf("the same tags increase the version to %d", same.Version)
		}
		if none := s.mustSetTags(t, admin, u.ID); none.Version != 3 || len(none.Tags) != 0 || s.mustCount(t, `SELECT COUNT(*) FROM user_tag WHERE user_id = ?`, u.ID[:]) != 0 {
			t.Errorf("got %+v", none)
		}
	})
	t.Run("only staff sees tags", func(t *testing.T) {
		t.Parallel()
		u := s.mustRegister(t, "bob@example.com")
		s.mustSetTags(t, admin, u.ID, "canary")
		for _, path := range []string{"/v1/users/" + u.ID.String(), "/v1/users?pageSize=100", "/v1/users?q=bob"} {
			if response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: s.Tokens.Staff(t, manifest.CustomersRead)}).MustBe(t, http.StatusOK); !strings.Contains(string(response.Body), `"tags":["canary"]`) {
				t.Errorf("%s: got %s", path, response.Body)
			}
		}
		own := s.Token(t, auth.Principal{UserID: u.ID, Role: auth.Customer})
		if me := s.getMe(t, own).MustBe(t, http.StatusOK); strings.Contains(string(me.Body), "canary") {
			t.Errorf("the owner gets %s", me.Body)
		}
		s.setTags(t, own, u.ID, "*", []string{"vip"}).MustBeProblem(t, http.StatusForbidden, "forbidden")
		s.setTags(t, s.Tokens.Staff(t, manifest.CustomersRead), u.ID, "*", []string{"vip"}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
	t.Run("invalid tags are refused", func(t *testing.T) {
		t.Parallel()
		u := s.mustRegister(t, "cleo@example.com")
		for _, tags := range []any{nil, []any{""}, []any{"a\nb"}, []any{strings.Repeat("a", 41)}, []string{"vip", "VIP"}, slices.Repeat([]string{"vip"}, 21)} {
			s.setTags(t, admin, u.ID, "*", tags).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.setTags(t, admin, uuid.New(), "*", []string{"vip"}).MustBeProblem(t, http.StatusNotFound, "user_not_found")
	})
	t.Run("one of eight concurrent changes of a version succeeds", func(t *testing.T) {
		t.Parallel()
		u := s.mustRegister(t, "dora@example.com")
		var group sync.WaitGroup
		var succeeded atomic.Int64
		for i := range 8 {
			group.Go(func() {
				if s.setTags(t, admin, u.ID, u.ETag(), []string{fmt.Sprint("tag", i)}).Status == http.StatusOK {
					succeeded.Add(1)
				}
			})
		}
		if group.Wait(); succeeded.Load() != 1 {
			t.Errorf("%d changes succeeded", succeeded.Load())
		}
	})
	t.Run("the trail has only that the tags have changed: it outlives the account", func(t *testing.T) {
		t.Parallel()
		u := s.mustRegister(t, "emma@example.com")
		s.mustSetTags(t, admin, u.ID, "vip")
		s.mustSetTags(t, admin, u.ID, "vip", "late")
		entries := s.mustListTrail(t, "operation=user-tags&resourceId="+u.ID.String())
		if len(entries) != 2 || len(entries[0].Changes) != 1 || entries[0].Changes[0].Field != "tags" || entries[0].Changes[0].Omitted != "personal" || entries[0].Changes[0].After != nil {
			t.Errorf("the entries are %+v", entries)
		}
	})
}

func TestListByTag(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin := s.Tokens.Admin(t)
	users := s.mustInsert(t, [2]string{"a@example.com", "Ada"}, [2]string{"b@example.com", "Bob"}, [2]string{"c@example.com", "Cleo"})
	s.mustSetTags(t, admin, users[0].ID, "VIP", "late")
	s.mustSetTags(t, admin, users[1].ID, "vip")
	s.mustSetTags(t, admin, users[2].ID, "vip", "other")
	s.mustSetTags(t, admin, users[2].ID, "other")
	list := func(t *testing.T, query string) (page api.Page[listedUser]) {
		t.Helper()
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users?" + query, Token: admin}).MustBe(t, http.StatusOK).Into(t, &page)
		return page
	}
	for query, want := range map[string]string{"tag=vip": "Bob Ada", "tag=+Vip+": "Bob Ada", "tag=late": "Ada", "tag=vi": ""} {
		var names []string
		for _, u := range list(t, query).Items {
			names = append(names, u.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	first := list(t, "tag=vip&pageSize=1")
	if next := list(t, "tag=VIP&pageSize=1&pageToken="+first.NextPageToken); len(next.Items) != 1 || next.Items[0].Name != "Ada" || !slices.Equal(next.Items[0].Tags, []string{"VIP", "late"}) {
		t.Errorf("the next page is %+v", next)
	}
	for _, query := range []string{"tag=vip&q=ada", "tag=late&pageToken=" + first.NextPageToken, "tag=" + strings.Repeat("a", 41)} {
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users?" + query, Token: admin}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	}
}
