package order_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/trail"
)

// mustListTrail returns all entries that a query selects, by small pages.
func (s testService) mustListTrail(t *testing.T, query url.Values) (entries []trail.Entry) {
	t.Helper()
	query.Set("pageSize", "2")
	for {
		var page api.Page[trail.Entry]
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/orders?" + query.Encode(), Token: s.Tokens.Admin(t)}).
			MustBe(t, http.StatusOK).Into(t, &page)
		entries = append(entries, page.Items...)
		if page.NextPageToken == "" {
			return entries
		}
		query.Set("pageToken", page.NextPageToken)
	}
}

// describe returns the operations of entries, with the statuses that they have set.
func describe(entries []trail.Entry) string {
	var texts []string
	for _, e := range entries {
		text := e.Operation + " by " + string(e.Actor.Kind)
		for _, c := range e.Changes {
			if c.Field == "status" {
				text += " to " + c.After.(string)
			}
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// TestTrailList requires that the changes of an order by customers, staff and events are in one list,
// newest first, by each filter.
func TestTrailList(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, other := s.customer(t), s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	o := s.mustPlace(t, owner, fixtures.Item(cup, 2))
	s.mustDeliverStock(t, "stock-reserved", o.ID, "")
	s.mustPlace(t, other, fixtures.Item(cup, 1))
	admin := s.Tokens.Admin(t)
	s.Do(t, fixtures.CreateShipment(admin, o.ID, map[string]any{"carrier": "DHL", "trackingNumber": "4711-canary", "lines": []any{fixtures.Item(cup, 1)}})).MustBe(t, http.StatusCreated)
	s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)

	const whole = "order-ship by staff to shipped, shipment-create by staff to partially_shipped, order-confirm by function to confirmed, order-place by customer to pending"
	entries := s.mustListTrail(t, url.Values{"resourceId": {o.ID.String()}})
	if got := describe(entries); got != whole {
		t.Errorf("the entries of the order are\n%s, want\n%s", got, whole)
	}
	for _, e := range entries {
		if e.TraceID == "" || e.RequestID == "" || *e.Resource.ID != o.ID {
			t.Errorf("an entry is %+v", e)
		}
		for _, c := range e.Changes {
			if text, _ := c.After.(string); strings.Contains(text, "canary") {
				t.Errorf("the tracking is in an entry: %+v", c)
			}
		}
	}
	staff := *entries[0].Actor.ID
	for name, c := range map[string]struct {
		query url.Values
		want  string
	}{
		"all":                 {url.Values{}, "order-ship by staff to shipped, shipment-create by staff to partially_shipped, order-place by customer to pending, order-confirm by function to confirmed, order-place by customer to pending"},
		"a member of staff":   {url.Values{"actorId": {staff.String()}}, "order-ship by staff to shipped, shipment-create by staff to partially_shipped"},
		"staff":               {url.Values{"actor": {"staff"}}, "order-ship by staff to shipped, shipment-create by staff to partially_shipped"},
		"a customer":          {url.Values{"actorId": {other.UserID.String()}}, "order-place by customer to pending"},
		"an operation":        {url.Values{"operation": {"order-confirm"}}, "order-confirm by function to confirmed"},
		"an operation of one": {url.Values{"operation": {"order-place"}, "actorId": {owner.UserID.String()}}, "order-place by customer to pending"},
		"a period":            {url.Values{"from": {entries[3].At.Format("2006-01-02T15:04:05.999999Z07:00")}, "to": {entries[1].At.Format("2006-01-02T15:04:05.999999Z07:00")}, "resourceId": {o.ID.String()}}, "order-confirm by function to confirmed, order-place by customer to pending"},
		"a long past":         {url.Values{"to": {"2020-01-01T00:00:00Z"}}, ""},
		"another resource":    {url.Values{"resource": {"discount"}}, ""},
		"another order":       {url.Values{"resourceId": {uuid.NewString()}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := describe(s.mustListTrail(t, c.query)); got != c.want {
				t.Errorf("the entries are\n%s, want\n%s", got, c.want)
			}
		})
	}
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/orders", Token: owner.token}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	for _, token := range []string{"IjAxOTljMGRlIg", "WyJhIiwiYiJd", "WyIiLCIxLngueSJd"} {
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/orders?pageToken=" + token, Token: admin}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	}
}

// TestTrailAfterErasure requires that the entries of a deleted account remain without it.
func TestTrailAfterErasure(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner := s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	o := s.mustPlace(t, owner, fixtures.Item(cup, 2))
	s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/cancel", Token: owner.token,
		Body: map[string]any{"reason": "gone to sea"}}).MustBe(t, http.StatusOK)
	s.mustDeleteUser(t, owner.UserID)
	entries := s.mustListTrail(t, url.Values{"resourceId": {o.ID.String()}})
	if got, want := describe(entries), "order-cancel by customer to cancelled, order-place by customer to pending"; got != want {
		t.Fatalf("the entries are %s, want %s", got, want)
	}
	for _, e := range entries {
		if e.Actor.ID != nil || e.RequestID != "" {
			t.Errorf("an entry of the deleted account is %+v", e)
		}
		for _, c := range e.Changes {
			if c.After == "gone to sea" {
				t.Error("the reason is in the trail")
			}
		}
	}
	if n := len(s.mustListTrail(t, url.Values{"actorId": {owner.UserID.String()}})); n != 0 {
		t.Errorf("%d entries name the deleted account", n)
	}
}
