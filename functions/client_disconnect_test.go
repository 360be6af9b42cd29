package functions_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
)

// disconnectPoint is where in an exchange a client closes its connection.
type disconnectPoint int

const (
	duringRequest    disconnectPoint = iota // half of the body is sent
	beforeResponse                          // the request is sent
	duringResponse                          // the first byte of the response is read
	disconnectPoints                        // their number
)

// sendAndDisconnect sends a request, and closes the connection at a point of the exchange.
func sendAndDisconnect(t testing.TB, url string, r functiontest.Request, point disconnectPoint) {
	t.Helper()
	text := ""
	if r.Body != nil {
		text = mustJSON(t, r.Body)
	}
	request, err := http.NewRequestWithContext(t.Context(), r.Method, url+r.Path, strings.NewReader(text))
	if err != nil {
		t.Error(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+r.Token)
	request.Header.Set("Content-Type", "application/json")
	for name, value := range r.Header {
		request.Header.Set(name, value)
	}
	var wire bytes.Buffer
	if err := request.Write(&wire); err != nil {
		t.Error(err)
		return
	}
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", request.URL.Host)
	if err != nil {
		t.Error(err)
		return
	}
	defer connection.Close()
	bytesToSend := wire.Bytes()
	if point == duringRequest {
		bytesToSend = bytesToSend[:len(bytesToSend)-max(len(text)/2, 1)]
	}
	if _, err := connection.Write(bytesToSend); err != nil {
		t.Error(err)
		return
	}
	if point == duringResponse {
		if _, err := io.ReadFull(connection, make([]byte, 1)); err != nil {
			t.Errorf("no response began: %v", err)
		}
	}
}

// retryUntilFinal sends a request until its response has no Retry-After.
func retryUntilFinal(t testing.TB, s *functiontest.Server, r functiontest.Request) (response functiontest.Response) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < processTimeout; {
		if response = s.Do(t, r); response.Header.Get("Retry-After") == "" {
			return response
		}
		if response.Status != http.StatusServiceUnavailable { // the machine may be busy
			response.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		}
	}
	t.Errorf("the last response is still %d: %s", response.Status, response.Body)
	return response
}

// testParallel sends one request fifty times at once. Every third client disconnects
// before it has a response, and sends the request again.
func (k keyedFunction) testParallel(t *testing.T) {
	const sends = 50
	single := k.newRequest(t, uuid.NewString())
	before := mustReadState(t, k.s)
	requireSuccess(t, k.s.Do(t, single))
	effect := difference(before, mustReadState(t, k.s))

	r := k.newRequest(t, uuid.NewString())
	before = mustReadState(t, k.s)
	responses := make([]functiontest.Response, sends)
	var all sync.WaitGroup
	for i := range sends {
		all.Go(func() {
			if i%3 == 0 {
				sendAndDisconnect(t, k.s.URL, r, disconnectPoint(i/3)%disconnectPoints)
			}
			responses[i] = retryUntilFinal(t, k.s, r)
		})
	}
	all.Wait()
	originals := 0
	for i := range responses {
		requireSuccess(t, responses[i])
		if !replayed(responses[i]) {
			originals++
			responses[i].Header.Set(idempotency.HeaderReplayed, "true")
		}
		requireReplay(t, responses[0], responses[i])
	}
	if originals > 1 {
		t.Errorf("%d responses are not replays", originals)
	}
	if diff := cmp.Diff(effect, difference(before, mustReadState(t, k.s)), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("rows that %d sends of one key inserted (-one +all):\n%s", sends, diff)
	}
}

// difference returns how many more rows each table has after than before.
func difference(before, after state) map[string]int {
	increase := map[string]int{}
	for table, rows := range after.rows {
		if d := rows - before.rows[table]; d != 0 {
			increase[table] = d
		}
	}
	return increase
}
