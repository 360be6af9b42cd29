package audit_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/functions/webhook"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// mustSubscribe creates an endpoint that has been subscribed to types for an hour.
func (s *shop) mustSubscribe(t *testing.T, types ...string) uuid.UUID {
	t.Helper()
	service := s.services["webhook"]
	var created webhook.EndpointSecret
	service.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/webhooks", Token: service.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Owner}),
		Body: map[string]any{"url": "https://example.com/hook", "eventTypes": types},
	}).MustBe(t, http.StatusCreated).Into(t, &created)
	s.mustExec(t, "webhook", []statement{do(`UPDATE endpoint SET subscribed_at = subscribed_at - INTERVAL 1 HOUR WHERE id = ?`, created.ID[:])})
	return created.ID
}

// TestAuditOfWebhooks audits the deliveries of events to endpoints: those that are missing are found,
// except of events from before a subscription, and of what is in flight.
func TestAuditOfWebhooks(t *testing.T) {
	t.Parallel()
	s := open(t)
	all, confirmations, products := s.mustSubscribe(t, "*"), s.mustSubscribe(t, "order.rejected", "order.confirmed"), s.mustSubscribe(t, "product.changed")
	s.mustExec(t, "webhook", []statement{do(`UPDATE endpoint SET status = 'disabled', disabled_reason = 'failing' WHERE id = ?`, products[:])})
	tea := s.mustCreate(t, "TEA", 50)
	s.mustOrder(t, 1, tea)
	s.deliver(t)
	event := s.services["order"].Published.Events("order-confirmed")[0]
	confirmed, changed := event.ID, s.services["product"].Published.Events("product-changed")[0].ID
	requireHealthy(t, s.mustAudit(t, atRest))

	missing := func(endpoint, event uuid.UUID, finds bool, more ...statement) damage {
		plant, mend := removed("endpoint_id = ? AND event_id = ?", []any{endpoint[:], event[:]}, "webhook.delivery")
		d := damage{"webhook", append(plant, more...), append(mend, do(`
			UPDATE endpoint
			SET event_types = IF(id = ?, '*', event_types), subscribed_at = created_at - INTERVAL 1 HOUR`, all[:])), nil, event.String()}
		if finds {
			d.finds = []audit.Check{audit.WebhookMissing}
		}
		return d
	}
	since := func(after time.Duration) statement {
		return do(`UPDATE endpoint SET subscribed_at = ? WHERE id = ?`, event.Time.Add(after).UTC(), confirmations[:])
	}
	deleted, restored := removed("id = ?", []any{confirmations[:]}, "webhook.endpoint")
	ofDeleted := missing(confirmations, confirmed, false, deleted...)
	ofDeleted.mend = append(restored, ofDeleted.mend...)
	old := missing(confirmations, confirmed, false, do(`UPDATE endpoint SET subscribed_at = created_at - INTERVAL 40 DAY`), aged("-", confirmed))
	old.mend = append(old.mend, aged("+", confirmed))
	for name, d := range map[string]damage{
		"finds an event that an endpoint of its type has not got":               missing(confirmations, confirmed, true),
		"finds an event that an endpoint of all types has not got":              missing(all, confirmed, true),
		"finds an event that a disabled endpoint has not got":                   missing(products, changed, true),
		"finds an event from after the subscription":                            missing(confirmations, confirmed, true, since(-2*time.Minute)),
		"finds nothing of an event from before the subscription":                missing(confirmations, confirmed, false, since(time.Minute)),
		"finds nothing of an event from while the subscription was stored":      missing(confirmations, confirmed, false, since(-30*time.Second)),
		"finds nothing of a type that an endpoint has not":                      missing(all, confirmed, false, do(`UPDATE endpoint SET event_types = 'order.shipped product.changed' WHERE id = ?`, all[:])),
		"finds nothing of an endpoint that was deleted":                         ofDeleted,
		"finds nothing of an event from before the retention of its deliveries": old,
	} {
		t.Run(name, func(t *testing.T) {
			s.mustExec(t, d.service, d.plant)
			report, early := s.mustAudit(t, atRest), s.mustAudit(t, 0)
			s.mustExec(t, d.service, d.mend)
			requireHealthy(t, early) // in flight
			if len(d.finds) > 0 {
				mustFind(t, report, d)
			} else {
				requireHealthy(t, report)
			}
			requireHealthy(t, s.mustAudit(t, atRest))
		})
	}
}

// aged returns a statement that makes an event of the order service 31 days older, or younger again.
func aged(sign string, event uuid.UUID) statement {
	return in("order", `
		UPDATE outbox
		SET created_at = created_at `+sign+` INTERVAL 31 DAY, published_at = published_at `+sign+` INTERVAL 31 DAY
		WHERE id = ?`, event[:])
}
