package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"souk/emulators/local"
	"souk/emulators/trace"
	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/dbtest"
	"souk/shared/function/functiontest"
)

// TestTraces places an order on a system that records its traces: one trace has the spans of
// every function that takes part, of the gateway, and of the time in Pub/Sub.
func TestTraces(t *testing.T) {
	parallel(t)
	if containers != nil || programs == "" {
		t.Skip("this test reads the traces of its own system")
	}
	running, err := local.Start(t.Context(), local.Options{
		Manifest: functions.Manifest(), StateDir: t.TempDir(), BinDir: programs, DatabaseURL: dbtest.ReservePrefix(t), Traces: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	s := &system{Status: running.Status()}
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 5)
	var o order.Order
	placed := s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: customer,
		Header: map[string]string{"Prefer": "wait=20"}, Body: fixtures.Order(fixtures.Item(p.ID, 1))}).MustBe(t, http.StatusCreated)
	placed.Into(t, &o)
	id := placed.Header.Get("Trace-Id")
	want := []string{
		"gateway POST /v1/orders", "order-place POST /v1/orders", "order-place authorize", "order-place INSERT orders", "order-place COMMIT",
		"order-place publish order-placed", "pubsub push stock-reserve.order-placed", "stock-reserve wait in stock-reserve.order-placed",
		"stock-reserve process order-placed", "stock-reserve transaction", "stock-reserve publish stock-reserved",
		"order-confirm wait in order-confirm.stock-reserved", "order-confirm process stock-reserved", "order-confirm publish order-confirmed",
		"user-notify wait in user-notify.order-confirmed", "user-notify process order-confirmed", "user-notify send mail",
	}
	eventually(t, "the trace of the order is complete", func() bool {
		return len(missingSpans(running.Traces(), id, want)) == 0 && len(orphans(running.Traces(), id)) == 0
	})
	if found := running.Traces().Search(trace.Query{OrderID: o.ID.String()}); len(found) != 1 || found[0].ID != id {
		t.Errorf("the traces of order %s are %+v, want %s", o.ID, found, id)
	}
	requireWaits(t, running.Traces(), id)
}

// missingSpans returns those of want, service and name, that the trace does not have.
func missingSpans(traces *trace.Store, id string, want []string) (missing []string) {
	names := map[string]bool{}
	waterfall, _ := traces.Find(id)
	for _, row := range waterfall.Rows {
		names[row.Service+" "+row.Name] = true
	}
	for _, name := range want {
		if !names[name] {
			missing = append(missing, name)
		}
	}
	return missing
}

// orphans returns the spans, service and name, whose parents the trace does not have. A parent
// ends after its children and is exported after them, possibly by another program.
func orphans(traces *trace.Store, id string) (names []string) {
	waterfall, _ := traces.Find(id)
	for _, row := range waterfall.Rows {
		if row.Orphan {
			names = append(names, row.Service+" "+row.Name)
		}
	}
	return names
}

// requireWaits requires that each time in Pub/Sub has the attempt that it preceded.
func requireWaits(t *testing.T, traces *trace.Store, id string) {
	t.Helper()
	waterfall, _ := traces.Find(id)
	for _, row := range waterfall.Rows {
		if strings.HasPrefix(row.Name, "wait in ") && row.Attribute("messaging.gcp_pubsub.message.delivery_attempt") == "" {
			t.Errorf("%s has no attempt: %+v", row.Name, row)
		}
	}
}
