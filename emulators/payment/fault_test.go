package payment

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRequestFaults injects each fault of requests into each write. It requires that the effect
// is there or missing, that the client cannot see which, and that a repetition with the same key
// has the effect once.
func TestRequestFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]struct {
		effect  bool
		status  int // 0: the connection ends
		waiting time.Duration
	}{
		Slow:          {effect: true, status: http.StatusOK, waiting: defaultDelay},
		TimeoutBefore: {effect: false},
		TimeoutAfter:  {effect: true},
		ErrorBefore:   {effect: false, status: http.StatusInternalServerError},
		ErrorAfter:    {effect: true, status: http.StatusInternalServerError},
	} {
		for operation, prepare := range map[string]func(*fixture) (path, body string, changed func() bool){
			OperationCreate: func(f *fixture) (string, string, func() bool) {
				return "/v1/payments", newPayment(Manual), func() bool { return len(f.payments) == 1 }
			},
			OperationCapture: func(f *fixture) (string, string, func() bool) {
				path := f.mustPay(Manual, CardApproved)
				return path + "/capture", `{"amount": 4000}`, func() bool { return f.mustGet(path).CapturedAmount == 4000 }
			},
			OperationVoid: func(f *fixture) (string, string, func() bool) {
				path := f.mustPay(Manual, CardApproved)
				return path + "/void", "", func() bool { return f.mustGet(path).State == Voided }
			},
			OperationRefund: func(f *fixture) (string, string, func() bool) {
				path := f.mustPay(Automatic, CardApproved)
				return path + "/refunds", `{"amount": 4000}`, func() bool { return f.mustGet(path).RefundedAmount == 4000 }
			},
		} {
			t.Run("the request "+operation+" has the fault "+string(kind), func(t *testing.T) {
				t.Parallel()
				f := open(t, nil)
				path, body, changed := prepare(f)
				if err := f.Inject(Fault{Operation: operation, Kind: kind}); err != nil {
					t.Fatal(err)
				}
				begin := f.clock.now()
				r, err := f.send(http.MethodPost, path, "faulty", body)
				switch {
				case want.status == 0 && !isAborted(err):
					t.Errorf("status %d, %v, want no response", r.status, err)
				case want.status != 0 && (err != nil || r.status/100 != want.status/100):
					t.Errorf("status %d, %v, want %d", r.status, err, want.status)
				}
				if changed() != want.effect || f.clock.now().Sub(begin) != want.waiting {
					t.Errorf("the effect is there: %t; it took %v", changed(), f.clock.now().Sub(begin))
				}
				again, err := f.send(http.MethodPost, path, "faulty", body)
				if err != nil || again.status/100 != 2 || (again.header.Get(replayedHeader) == "true") != want.effect || !changed() {
					t.Errorf("repeated: status %d, %v, replayed %q", again.status, err, again.header.Get(replayedHeader))
				}
			})
		}
	}
}

// TestFaultCounts requires that a fault passes Skip operations and applies to Count.
func TestFaultCounts(t *testing.T) {
	t.Parallel()
	f := open(t, func(o *Options) {
		o.Faults = []Fault{{Operation: OperationAny, Kind: ErrorBefore, Skip: 1, Count: 2}}
	})
	var got []int
	for range 5 {
		r, err := f.send(http.MethodGet, "/v1/books", "", "")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.status)
	}
	if diff := cmp.Diff([]int{200, 500, 500, 200, 200}, got); diff != "" || len(f.Faults()) != 0 {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	id := strings.TrimPrefix(f.mustCreate(Automatic), "/v1/payments/")
	do := func(method, path, body string, change func(*http.Request)) (int, string) {
		request := httptest.NewRequest(method, testURL+path, strings.NewReader(body))
		request.RemoteAddr = "127.0.0.1:40000"
		if change != nil {
			change(request)
		}
		recorder := httptest.NewRecorder()
		f.ServeHTTP(recorder, request)
		return recorder.Code, recorder.Body.String()
	}
	t.Run("faults are injected, listed and removed", func(t *testing.T) {
		const fault = `{"operation":"get","kind":"slow","count":3,"delayMillis":5}`
		if status, body := do(http.MethodPost, "/control/faults", fault, nil); status != http.StatusOK || !strings.Contains(body, fault) {
			t.Errorf("status %d: %s", status, body)
		}
		if status, body := do(http.MethodGet, "/control/faults", "", nil); status != http.StatusOK || !strings.Contains(body, fault) {
			t.Errorf("status %d: %s", status, body)
		}
		if status, body := do(http.MethodDelete, "/control/faults", "", nil); status != http.StatusOK || strings.Contains(body, "slow") {
			t.Errorf("status %d: %s", status, body)
		}
	})
	t.Run("a payment is paid and disputed", func(t *testing.T) {
		for _, step := range []struct{ path, body, state string }{
			{"/pay", `{"number": "4000 0000 0000 3220", "challenge": "approve"}`, "captured"},
			{"/dispute", `{"outcome": "opened"}`, "disputed"}, {"/dispute", `{"outcome": "won"}`, "captured"},
		} {
			if status, body := do(http.MethodPost, "/control/payments/"+id+step.path, step.body, nil); status != http.StatusOK || !strings.Contains(body, `"state":"`+step.state+`"`) {
				t.Errorf("%s: status %d: %s", step.path, status, body)
			}
		}
	})
	t.Run("other machines and origins, unknown hosts and faults are refused", func(t *testing.T) {
		for name, test := range map[string]struct {
			body   string
			change func(*http.Request)
			want   int
		}{
			"another machine": {"{}", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" }, http.StatusForbidden},
			"another origin":  {"{}", func(r *http.Request) { r.Header.Set("Origin", "http://evil.test") }, http.StatusForbidden},
			"another site":    {"{}", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
			"another host":    {"{}", func(r *http.Request) { r.Host = "evil.test" }, http.StatusMisdirectedRequest},
			"no operation":    {`{"kind": "slow"}`, nil, http.StatusBadRequest},
			"a wrong kind":    {`{"operation": "callback", "kind": "slow"}`, nil, http.StatusBadRequest},
			"another kind":    {`{"operation": "get", "kind": "lose"}`, nil, http.StatusBadRequest},
			"a long delay":    {`{"operation": "get", "kind": "slow", "delayMillis": 600001}`, nil, http.StatusBadRequest},
			"a huge delay":    {`{"operation": "get", "kind": "slow", "delayMillis": 9223372036854775807}`, nil, http.StatusBadRequest},
		} {
			if status, body := do(http.MethodPost, "/control/faults", test.body, test.change); status != test.want {
				t.Errorf("%s: status %d, want %d: %s", name, status, test.want, body)
			}
		}
		if len(f.Faults()) != 0 {
			t.Errorf("faults %+v", f.Faults())
		}
	})
}

// TestServerHangsUp requires that a fault of a real connection is seen as one: the transport of
// net/http would repeat the request if the connection had ended before the first byte.
func TestServerHangsUp(t *testing.T) {
	t.Parallel()
	hook := &webhook{}
	s, err := Start(t.Context(), "", Options{APIKey: testKey, WebhookSecret: testSecret, WebhookURL: "http://shop.localhost/", Transport: hook})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	create := func() (Payment, int, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/v1/payments", bytes.NewReader([]byte(newPayment(Automatic))))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+testKey)
		request.Header.Set(keyHeader, "key")
		response, err := client.Do(request)
		if err != nil {
			return Payment{}, 0, err
		}
		defer response.Body.Close()
		var p Payment
		return p, response.StatusCode, json.NewDecoder(response.Body).Decode(&p)
	}
	p, _, err := create() // A connection that is reused.
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []Kind{TimeoutBefore, TimeoutAfter} {
		if err := s.Inject(Fault{Operation: OperationCreate, Kind: kind}); err != nil {
			t.Fatal(err)
		}
		if _, status, err := create(); err == nil {
			t.Errorf("%s: status %d, want no response", kind, status)
		}
		if again, status, err := create(); err != nil || again.ID != p.ID {
			t.Errorf("after %s: status %d, %v", kind, status, err)
		}
	}
	if _, err := s.Pay(p.ID, CardApproved, ""); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for hook.types() != "captured" {
		if time.Now().After(deadline) {
			t.Fatalf("callbacks: %q", hook.types())
		}
		if err := wait(t.Context(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}
