package functions_test

import (
	"encoding/binary"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/webhook"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/function/functiontest"
)

// usedWebhooks has the ids of the endpoints that running tests use.
var usedWebhooks sync.Map

// webhookBody returns the body of a request that creates an endpoint, for which there is room: endpoints that
// no test uses are deleted.
func webhookBody(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	ids, err := database.Collect(t.Context(), s.DB, database.ScanColumn[uuid.UUID], `SELECT id FROM endpoint`)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if _, isUsed := usedWebhooks.Load(id); len(ids) > maxWebhooks/2 && !isUsed {
			if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM endpoint WHERE id = ? AND created_at < UTC_TIMESTAMP(6) - INTERVAL 200000 MICROSECOND`, id[:]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return object{"url": "https://example.com/hook", "eventTypes": []any{"order.confirmed"}, "description?": "Warehouse"}
}

// maxWebhooks is the maximum number of endpoints of a shop.
const maxWebhooks = 20

// createWebhook creates an endpoint, which exists until the test ends.
func createWebhook(t testing.TB, s *functiontest.Server, by account) uuid.UUID {
	t.Helper()
	admin := s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Owner})
	var created webhook.EndpointSecret
	s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/webhooks", Token: admin, Body: expand(webhookBody(t, s, by), true)}).
		MustBe(t, http.StatusCreated).Into(t, &created)
	usedWebhooks.Store(created.ID, true)
	t.Cleanup(func() { usedWebhooks.Delete(created.ID) })
	return created.ID
}

// createDelivery sends a test event to an endpoint, and returns the id of the event.
func createDelivery(t testing.TB, s *functiontest.Server, endpoint uuid.UUID) uuid.UUID {
	t.Helper()
	admin := s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Owner})
	var delivery webhook.Delivery
	s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/webhooks/" + endpoint.String() + "/test", Token: admin}).
		MustBe(t, http.StatusAccepted).Into(t, &delivery)
	return delivery.EventID
}

// createFailedDelivery creates an endpoint and a delivery that has failed, of the first of January.
func createFailedDelivery(t testing.TB, s *functiontest.Server, by account) uuid.UUID {
	t.Helper()
	endpoint := createWebhook(t, s, by)
	event := createDelivery(t, s, endpoint)
	occurred := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	key := append(binary.BigEndian.AppendUint64(nil, uint64(occurred.UnixMicro())), event[:]...)
	_, err := s.DB.ExecContext(t.Context(), `
		UPDATE delivery SET state = 'failed', next_at = NULL, sort_key = ? WHERE endpoint_id = ? AND event_id = ?`, key, endpoint[:], event[:])
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}
