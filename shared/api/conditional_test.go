package api_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"souk/shared/api"
)

func readAll(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestETag(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{`"3"`: api.ETag(3), `"3.50"`: api.ETag(3, 50), `"3.50.7"`: api.ETag(3, 50, 7), `"-1.0"`: api.ETag(-1, 0)} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	for header, matches := range map[string]bool{
		`"3"`:              true,
		`"3.50"`:           true, // Check ignores the stock
		` "3" `:            true,
		`"1", "3"`:         true,
		`"1","3"`:          true,
		`*`:                true,
		`"1", *`:           true,
		`"2"`:              false,
		`"33"`:             false,
		`"0.3"`:            false,
		`"1", "2"`:         false,
		`W/"3"`:            false, // a weak tag never matches in a strong comparison
		`W/"3", "3"`:       true,
		`3`:                false, // not an entity tag
		`"3`:               false,
		`3"`:               false,
		`""`:               false,
		``:                 false,
		`"*"`:              false,
		`,`:                false,
		`"+3"`:             false,
		`"03"`:             false,
		`"3, "`:            false,
		"\"3\"\x00":        false,
		`"3" trailing`:     false,
		`"99999999999999"`: false,
	} {
		t.Run("with "+header, func(t *testing.T) {
			t.Parallel()
			err := api.IfMatch{IfMatch: header}.Check(3)
			var p *api.Problem
			switch {
			case matches && err != nil:
				t.Errorf("refused: %v", err)
			case !matches && (!errors.As(err, &p) || p.Status != http.StatusPreconditionFailed || p.Code != "version_mismatch"):
				t.Errorf("got %v, want a 412", err)
			}
		})
	}
}

// thing returns a handler whose response has an ETag. It calls WriteHeader as huma does, or
// not if short.
func thing(etag string, status int, short bool) http.Handler {
	return api.Conditional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if etag != "" {
			w.Header().Set("ETag", etag)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Seen-If-Match", r.Header.Get("If-Match"))
		if !short {
			w.WriteHeader(status)
		}
		_, _ = io.WriteString(w, `{"id": 1}`)
	}))
}

func TestConditionalGet(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		etag   string
		status int
		header http.Header
		want   int
	}{
		"without the header":          {`"3"`, 200, nil, 200},
		"with the same tag":           {`"3"`, 200, http.Header{"If-None-Match": {`"3"`}}, 304},
		"with a weak tag":             {`"3"`, 200, http.Header{"If-None-Match": {`W/"3"`}}, 304},
		"with one of a list":          {`"3"`, 200, http.Header{"If-None-Match": {`"1", "3"`}}, 304},
		"with one of several lines":   {`"3"`, 200, http.Header{"If-None-Match": {`"1"`, `"3"`}}, 304},
		"with a star":                 {`"3"`, 200, http.Header{"If-None-Match": {`*`}}, 304},
		"with another tag":            {`"3"`, 200, http.Header{"If-None-Match": {`"4"`}}, 200},
		"with the tag of other stock": {`"3.50"`, 200, http.Header{"If-None-Match": {`"3.49"`}}, 200},
		"of a response without a tag": {``, 200, http.Header{"If-None-Match": {`*`}}, 200},
		"of an error response":        {`"3"`, 404, http.Header{"If-None-Match": {`"3"`}}, 404},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, short := range []bool{false, true} {
				if short && test.status != http.StatusOK {
					continue
				}
				t.Run(method+" "+name, func(t *testing.T) {
					t.Parallel()
					response, body := sendRequest(t, thing(test.etag, test.status, short), method, "/", test.header.Clone())
					if response.StatusCode != test.want {
						t.Fatalf("status is %d, want %d", response.StatusCode, test.want)
					}
					if hasBody := body != ""; hasBody != (method == http.MethodGet && test.want != http.StatusNotModified) {
						t.Errorf("the body is %q", body)
					}
					if test.want == http.StatusNotModified && (response.Header.Get("ETag") != test.etag ||
						response.Header.Get("Cache-Control") == "" || response.Header.Get("Content-Type") != "") {
						t.Errorf("a 304 with %v", response.Header)
					}
				})
			}
		}
	}
}

func TestConditionalChange(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
		t.Run(method+" without If-Match is refused before the operation runs", func(t *testing.T) {
			t.Parallel()
			ran := false
			handler := api.Conditional(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
			response, body := sendRequest(t, handler, method, "/", nil)
			if problem := mustProblem(t, response, body); response.StatusCode != http.StatusPreconditionRequired || problem["code"] != "precondition_required" {
				t.Errorf("got %s", body)
			}
			if ran {
				t.Error("the operation ran")
			}
		})
		t.Run(method+" with a malformed If-Match is refused, and with a valid one reaches the operation", func(t *testing.T) {
			t.Parallel()
			for header, want := range map[string]int{
				`3`: 400, `"3`: 400, `3"`: 400, `,`: 400, `"3" "4"`: 400, `"3" trailing`: 400, `*, "3"`: 400, `"a b"`: 400, `w/"3"`: 400,
				`"3"`: 200, `*`: 200, `W/"3"`: 200, `""`: 200, `"1", "3"`: 200, `"1","3",`: 200, `,"1", ,"3"`: 200, `"ü"`: 200,
			} {
				response, body := sendRequest(t, thing(`"3"`, 200, false), method, "/", http.Header{"If-Match": {header}})
				if response.StatusCode != want {
					t.Errorf("If-Match: %s: got %d, want %d: %s", header, response.StatusCode, want, body)
				}
			}
		})
		t.Run(method+" with several lines of If-Match reaches the operation with one", func(t *testing.T) {
			t.Parallel()
			response, _ := sendRequest(t, thing(`"3"`, 200, false), method, "/", http.Header{"If-Match": {`"1"`, `"3"`}})
			if got := response.Header.Get("Seen-If-Match"); response.StatusCode != http.StatusOK || got != `"1", "3"` {
				t.Errorf("got %d, the operation saw %s", response.StatusCode, got)
			}
		})
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		t.Run(method+" needs no If-Match", func(t *testing.T) {
			t.Parallel()
			if response, _ := sendRequest(t, thing(`"3"`, 200, false), method, "/", nil); response.StatusCode != http.StatusOK {
				t.Errorf("got %d", response.StatusCode)
			}
		})
	}
}

func TestPrefer(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"":                                0,
		"wait=5":                          5 * time.Second,
		"wait = 5":                        5 * time.Second,
		`wait="5"`:                        5 * time.Second,
		"WAIT=5":                          5 * time.Second,
		"wait=5; why=not":                 5 * time.Second,
		"respond-async, wait=5":           5 * time.Second,
		"return=minimal; x=1, wait=5":     5 * time.Second,
		"wait=5, wait=7":                  5 * time.Second, // the first applies (RFC 7240, section 2)
		"wait=30":                         30 * time.Second,
		"wait=31":                         api.MaxWait,
		"wait=9000000000":                 api.MaxWait,
		"wait=0":                          0,
		"wait=-1":                         0,
		"wait=1.5":                        0,
		"wait=soon":                       0,
		"wait":                            0,
		"wait=":                           0,
		"waiting=5":                       0,
		"respond-async":                   0,
		";wait=5":                         0,
		"wait=99999999999999999999999999": 0,
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			wait, applied := api.Prefer{Header: header}.Wait()
			if wait != want {
				t.Errorf("waits %s, want %s", wait, want)
			}
			wantApplied := ""
			if want > 0 {
				wantApplied = "wait=" + want.String()[:len(want.String())-1]
			}
			if applied != wantApplied {
				t.Errorf("applied is %q, want %q", applied, wantApplied)
			}
		})
	}
}
