package order_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/trail"
)

// setTags sends the tags of an order.
func (s testService) setTags(t *testing.T, token string, id uuid.UUID, etag string, tags any) functiontest.Response {
	t.Helper()
	header := map[string]string{}
	if etag != "" {
		header["If-Match"] = etag
	}
	return s.Do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/orders/" + id.String() + "/tags", Token: token, Header: header, Body: fixtures.Object{"tags": tags}})
}

func (s testService) mustSetTags(t *testing.T, token string, id uuid.UUID, tags ...string) (o order.Order) {
	t.Helper()
	s.setTags(t, token, id, "*", append([]string{}, tags...)).MustBe(t, http.StatusOK).Into(t, &o)
	return o
}

func TestTags(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, cup := s.customer(t), s.mustAddProduct(t, "Cup", 500)
	admin := s.Tokens.Admin(t)
	place := func(t *testing.T) order.Order {
		t.Helper()
		return s.mustPlace(t, owner, fixtures.Item(cup, 1))
	}

	t.Run("tags are replaced, and increase the version", func(t *testing.T) {
		t.Parallel()
		before := place(t)
		response := s.setTags(t, admin, before.ID, `"1"`, []string{"Gift", " fragile "}).MustBe(t, http.StatusOK)
		var after order.Order
		response.Into(t, &after)
		if !slices.Equal(after.Tags, []string{"Gift", "fragile"}) || after.Version != 2 || response.Header.Get("ETag") != `"2"` || after.UpdatedAt != before.UpdatedAt || len(after.History) != 1 {
			t.Errorf("got %s", response.Body)
		}
		if same := s.mustSetTags(t, admin, before.ID, "Gift", "fragile"); same.Version != 2 {
			t.Errorf("the same tags increase the version to %d", same.Version)
		}
		if other := s.mustSetTags(t, admin, before.ID, "gift", "urgent"); other.Version != 3 || !slices.Equal(other.Tags, []string{"gift", "urgent"}) {
			t.Errorf("got %+v", other)
		}
		s.mustDeliverStock(t, "stock-reserved", before.ID, "")
		if got := s.mustGet(t, admin, before.ID); got.Version != 4 || got.Status != order.Confirmed || len(got.Tags) != 2 {
			t.Errorf("after the next status: %+v", got)
		}
		if none := s.mustSetTags(t, admin, before.ID); none.Version != 5 || none.Tags != nil {
			t.Errorf("got %+v", none)
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM order_tag WHERE order_id = ?`, before.ID[:]); n != 0 {
			t.Errorf("%d rows remain", n)
		}
	})
	t.Run("only staff sees tags", func(t *testing.T) {
		t.Parallel()
		o := place(t)
		s.mustSetTags(t, admin, o.ID, "canary")
		for token, sees := range map[string]bool{admin: true, s.Tokens.Staff(t, manifest.OrdersRead): true, s.Key(t, manifest.NewPermissionSet(manifest.OrdersRead)): true, owner.token: false} {
			for _, path := range []string{"/v1/orders/" + o.ID.String(), "/v1/orders?pageSize=100"} {
				response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: token}).MustBe(t, http.StatusOK)
				if strings.Contains(string(response.Body), `"tags":["canary"]`) != sees || !sees && strings.Contains(string(response.Body), "canary") {
					t.Errorf("%s: want tags %t, got %s", path, sees, response.Body)
				}
			}
		}
		if response := s.cancel(t, owner.token, o.ID).MustBe(t, http.StatusOK); strings.Contains(string(response.Body), "canary") {
			t.Errorf("the customer who cancels gets %s", response.Body)
		}
		cancelled := place(t)
		s.mustSetTags(t, admin, cancelled.ID, "canary")
		if response := s.cancel(t, admin, cancelled.ID).MustBe(t, http.StatusOK); !strings.Contains(string(response.Body), "canary") {
			t.Errorf("staff that cancels gets %s", response.Body)
		}
	})
	t.Run("a guest does not see tags", func(t *testing.T) {
		t.Parallel()
		c := s.mustCreateCheckout(t, "", with(checkoutBody(fixtures.Item(cup, 1)), map[string]any{"email": "amira@example.com"}))
		var o order.Order
		s.completeCheckout(t, c.Token, c).MustBe(t, http.StatusOK).Into(t, &o)
		s.mustSetTags(t, admin, o.ID, "canary")
		if response := s.Do(t, fixtures.GetOrder(c.Token, o.ID)).MustBe(t, http.StatusOK); strings.Contains(string(response.Body), "canary") {
			t.Errorf("the guest gets %s", response.Body)
		}
	})
	t.Run("invalid tags are refused", func(t *testing.T) {
		t.Parallel()
		o := place(t)
		var many []string
		for i := range 21 {
			many = append(many, fmt.Sprint("tag ", i))
		}
		for _, tags := range []any{nil, "gift", []any{""}, []any{" "}, []any{"a\nb"}, []any{1}, []any{nil}, []any{strings.Repeat("ä", 41)}, []string{"gift", "GIFT"}, []string{"straße", "STRASSE"}, many} {
			s.setTags(t, admin, o.ID, "*", tags).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.setTags(t, admin, o.ID, "*", many[:20]).MustBe(t, http.StatusOK)
		s.setTags(t, admin, o.ID, "*", []string{strings.Repeat("ﬃ", 40)}).MustBe(t, http.StatusOK) // three characters each, when compared
		s.setTags(t, admin, o.ID, "", []string{"gift"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		s.setTags(t, admin, o.ID, `"1"`, []string{"gift"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.setTags(t, owner.token, o.ID, "*", []string{"gift"}).MustBeProblem(t, http.StatusForbidden, "forbidden")
		s.setTags(t, admin, uuid.New(), "*", []string{"gift"}).MustBeProblem(t, http.StatusNotFound, "order_not_found")
	})
	t.Run("one of eight concurrent changes of a version succeeds", func(t *testing.T) {
		t.Parallel()
		o := place(t)
		var group sync.WaitGroup
		var succeeded atomic.Int64
		for i := range 8 {
			group.Go(func() {
				if s.setTags(t, admin, o.ID, `"1"`, []string{fmt.Sprint("tag", i)}).Status == http.StatusOK {
					succeeded.Add(1)
				}
			})
		}
		if group.Wait(); succeeded.Load() != 1 || s.mustCount(t, `SELECT COUNT(*) FROM order_tag WHERE order_id = ?`, o.ID[:]) != 1 {
			t.Errorf("%d changes succeeded", succeeded.Load())
		}
	})
	t.Run("the trail has the tags before and after", func(t *testing.T) {
		t.Parallel()
		o := place(t)
		s.mustSetTags(t, admin, o.ID, "gift")
		s.mustSetTags(t, admin, o.ID, "gift", "fragile")
		s.mustSetTags(t, admin, o.ID, "gift", "fragile") // no change
		var page struct{ Items []trail.Entry }
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/orders?operation=order-tags&resourceId=" + o.ID.String(), Token: admin}).MustBe(t, http.StatusOK).Into(t, &page)
		if len(page.Items) != 2 {
			t.Fatalf("the entries are %+v", page.Items)
		}
		if c := page.Items[0].Changes; len(c) != 1 || c[0].Field != "tags" || fmt.Sprint(c[0].Before) != "[gift]" || fmt.Sprint(c[0].After) != "[gift fragile]" {
			t.Errorf("the last change is %+v", c)
		}
	})
}

func TestListByTag(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin, owner := s.Tokens.Admin(t), s.customer(t)
	cup, pot := s.mustAddProduct(t, "Cup", 500), s.mustAddProduct(t, "Pot", 2500)
	a, b, c := s.mustPlace(t, owner, fixtures.Item(cup, 1)), s.mustPlace(t, s.customer(t), fixtures.Item(pot, 1)), s.mustPlace(t, owner, fixtures.Item(pot, 1))
	names := map[uuid.UUID]string{a.ID: "a", b.ID: "b", c.ID: "c"}
	s.mustSetTags(t, admin, a.ID, "Gift", "Füße")
	s.mustSetTags(t, admin, b.ID, "gift")
	s.mustSetTags(t, admin, c.ID, "gift", "late")
	s.mustSetTags(t, admin, c.ID, "late")
	for query, want := range map[string]string{
		"tag=gift": "b a", "tag=+GIFT+": "b a", "tag=f%C3%BCsse": "a", "tag=late": "c", "tag=gif": "", "tag=other": "",
		"tag=gift&q=pot": "b", "tag=gift&customer=" + owner.UserID.String(): "a", "tag=late&status=pending&orderBy=createdAt": "c",
		"tag=gift&currency=EUR&orderBy=total": "a b", "tag=gift&orderBy=updatedAt": "a b",
	} {
		if got := s.mustFind(t, admin, query, names); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	page := s.mustList(t, admin, "?tag=gift&pageSize=1")
	if got := s.mustFind(t, admin, "tag=gift&pageSize=1&pageToken="+page.NextPageToken, names); got != "a" {
		t.Errorf("the next page has %q", got)
	}
	for token, query := range map[string]string{owner.token: "tag=gift", admin: "tag=late&pageSize=1&pageToken=" + page.NextPageToken} {
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders?" + query, Token: token}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	}
}
