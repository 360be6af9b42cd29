package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"souk/emulators/load"
)

// awaitIdle waits until no job runs.
func awaitIdle(t *testing.T, c *Console) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); c.running() != ""; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s is still running", c.running())
		}
	}
}

func TestLoadAndLabActions(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	chart := LabChart{Name: "lag", Title: "Lag", SVG: []byte("<svg/>")}
	c, base := newConsole(t, func(o *Options) {
		o.Load = &load.Target{Gateway: "http://127.0.0.1:1"} // where nothing listens
		o.Lab = &Lab{Experiments: []Experiment{{Name: "one"}, {Name: "two"}}, Run: func(ctx context.Context, name string, _ bool, progress func(string)) (LabReport, error) {
			progress("it runs")
			if name == "two" {
				<-ctx.Done()
				return LabReport{}, errors.New("stopped")
			}
			<-release
			return LabReport{Charts: []LabChart{chart}}, nil
		}}
	})
	act := func(path string, form url.Values, want int) {
		t.Helper()
		if got := (call{method: http.MethodPost, path: "/actions/" + path, trusted: true, form: form}).send(t, base); got != want {
			t.Errorf("%s %v: status %d, want %d", path, form, got, want)
		}
	}
	for name, form := range map[string]url.Values{
		"an unknown scenario": {"scenario": {"shop"}},
		"too many users":      {"scenario": {"browse"}, "users": {"501"}},
		"a word for a number": {"scenario": {"browse"}, "seconds": {"long"}},
	} {
		t.Run(name+" is refused", func(*testing.T) { act("load/start", form, http.StatusBadRequest) })
	}
	act("lab/start", url.Values{"name": {"three"}}, http.StatusBadRequest)
	act("load/stop", nil, http.StatusBadRequest)

	act("lab/start", url.Values{"name": {"one"}}, http.StatusOK)
	act("lab/start", url.Values{"name": {"two"}}, http.StatusBadRequest)
	act("load/start", url.Values{"scenario": {"browse"}}, http.StatusBadRequest)
	close(release)
	awaitIdle(t, c)
	for path, want := range map[string]int{"/lab": http.StatusOK, "/lab/chart/one/lag": http.StatusOK, "/lab/chart/one/other": http.StatusNotFound} {
		if got := (call{method: http.MethodGet, path: path}).send(t, base); got != want {
			t.Errorf("GET %s: status %d, want %d", path, got, want)
		}
	}

	act("lab/start", url.Values{"name": {"two"}}, http.StatusOK)
	act("lab/stop", nil, http.StatusOK)
	awaitIdle(t, c)
	act("load/start", url.Values{"scenario": {"browse"}, "seconds": {"1"}}, http.StatusOK)
	awaitIdle(t, c) // it fails: there is no shop
	if got := (call{method: http.MethodGet, path: "/load"}).send(t, base); got != http.StatusOK {
		t.Errorf("GET /load: status %d", got)
	}
}
