package functions_test

import (
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
)

// cut is where a client leaves in the middle of a request of its.
type cut int

const (
	inRequest    cut = iota // with half of its request sent
	beforeAnswer            // with its request sent
	inAnswer                // with the first byte of its answer read
	cuts
)

// cutOff sends a request to a server and leaves in the middle of it.
func cutOff(t testing.TB, url string, r functiontest.Request, where cut) {
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
	if where == inRequest {
		bytesToSend = bytesToSend[:len(bytesToSend)-max(len(text)/2, 1)]
	}
	if _, err := connection.Write(bytesToSend); err != nil {
		t.Error(err)
		return
	}
	if where == inAnswer {
		if _, err := io.ReadFull(connection, make([]byte, 1)); err != nil {
			t.Errorf("no answer began: %v", err)
		}
	}
}

// insist sends a request until it has an answer that does not say to come again.
func insist(t testing.TB, s *functiontest.Server, r functiontest.Request) (answer functiontest.Response) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < patience; {
		if answer = s.Do(t, r); answer.Header.Get("Retry-After") == "" {
			return answer
		}
		if answer.Status != http.StatusServiceUnavailable { // the machine may be busy
			answer.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		}
	}
	t.Errorf("there is no answer but %d: %s", answer.Status, answer.Body)
	return answer
}

// testParallel sends one request fifty times at once, and has every third client
// leave before it has the answer.
func (k keyed) testParallel(t *testing.T) {
	const sends = 50
	alone := k.with(t, uuid.NewString())
	before := mustState(t, k.s)
	mustSucceed(t, k.s.Do(t, alone))
	effect := difference(before, mustState(t, k.s))

	r := k.with(t, uuid.NewString())
	before = mustState(t, k.s)
	answers := make([]functiontest.Response, sends)
	var all sync.WaitGroup
	for i := range sends {
		all.Go(func() {
			if i%3 == 0 {
				cutOff(t, k.s.URL, r, cut(i/3)%cuts)
			}
			answers[i] = insist(t, k.s, r)
		})
	}
	all.Wait()
	firsts := 0
	for i := range answers {
		mustSucceed(t, answers[i])
		if !replayed(answers[i]) {
			firsts++
			answers[i].Header.Set(idempotency.HeaderReplayed, "true")
		}
		mustReplay(t, answers[0], answers[i])
	}
	if firsts > 1 {
		t.Errorf("%d answers are not replays", firsts)
	}
	if got := difference(before, mustState(t, k.s)); !maps.Equal(got, effect) {
		t.Errorf("%d sends of one key made rows %v, one send makes %v", sends, got, effect)
	}
}

// difference returns how many rows more each table has.
func difference(before, after state) map[string]int {
	more := map[string]int{}
	for table, rows := range after.rows {
		if d := rows - before.rows[table]; d != 0 {
			more[table] = d
		}
	}
	return more
}
