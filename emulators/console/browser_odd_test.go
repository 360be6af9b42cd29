package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	oteltrace "go.opentelemetry.io/otel/trace"

	"souk/emulators/console/messages"
	"souk/emulators/trace"
)

// oddTexts are names as only an attacker or a broken program has them.
var oddTexts = []string{
	`<img src=x onerror="window.xss=1">`,
	`"><script>window.xss=1</script>`,
	`' autofocus onfocus='window.xss=1`,
	`javascript:window.xss=1`,
	`</pre></td></table><svg onload=window.xss=1>`,
	`{{.}} ${window.xss=1}`,
	"\u202egnirts\u0000\x1b[31m\r\n\tevent: list\ndata: 1",
	"\xff\xfe",
	strings.Repeat("w", 5000),
	" ",
}

// newOddConsole starts a console whose traces, logs, messages and reports have odd texts.
func newOddConsole(t *testing.T) (base string) {
	t.Helper()
	var lines []string
	store := trace.New(trace.Options{})
	broker, source := newMessages(t)
	for i, text := range oddTexts {
		lines = append(lines, oddLine(t, text))
		span := trace.Span{
			TraceID: oteltrace.TraceID{byte(i + 1)}, ID: oteltrace.SpanID{1}, Service: text, Instance: text, Name: text, Message: text, Error: true,
			Start: time.Unix(0, 0), End: time.Now(), Attributes: []trace.Attribute{{Key: text, Value: text}, {Key: trace.OrderID, Value: text}},
			Events: []trace.Event{{Name: text, Time: time.Now(), Attributes: []trace.Attribute{{Key: text, Value: text}}}},
		}
		child := span
		child.ID, child.Parent, child.TraceID = oteltrace.SpanID{byte(i + 2)}, oteltrace.SpanID{1}, oteltrace.TraceID{1}
		store.Add(&span, &child)
		if text = strings.ToValidUTF8(text, "?"); len(text) > 200 {
			text = text[:200] // Pub/Sub accepts no more
		}
		_, err := source.Publish(t.Context(), messages.Draft{Topic: testLetters, Data: text, Attributes: map[string]string{
			"type": text, "aggregateType": "order", "aggregateId": text, "traceparent": "00-" + text + "-b-01", "a" + text: text,
		}})
		if err != nil {
			t.Fatalf("publish %.20q: %v", text, err)
		}
	}
	change, _ := fakeSystem(t)
	_, base = newConsole(t, func(o *Options) {
		change(o)
		mustAppend(t, o.FunctionLog, lines...)
		o.Traces, o.Messages, o.Topics, o.Undelivered = store, source, broker.Stats, broker.PeekAll
	})
	return base
}

// oddLine returns an entry of the log in which all texts are odd.
func oddLine(t *testing.T, text string) string {
	t.Helper()
	line, err := json.Marshal(map[string]any{
		"resource": map[string]any{"labels": map[string]any{"service_name": text}}, "time": text, "severity": text, "message": text,
		"logging.googleapis.com/trace": "projects/p/traces/" + text, "requestId": text, text: map[string]string{text: text},
		"httpRequest": map[string]any{"requestMethod": text, "requestUrl": text, "status": text, "latency": text},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(line) + "\n"
}

// TestOddNamesInBrowser requires that names are text: no script of theirs runs, no element of
// theirs is in a page, and no page becomes wider.
func TestOddNamesInBrowser(t *testing.T) {
	t.Parallel()
	base := newOddConsole(t)
	paths := []string{"/traces", "/traces?id=" + oteltrace.TraceID{1}.String(), "/logs", "/pubsub", "/pubsub?subscription=" + testLetters}
	for _, path := range paths {
		t.Run(path+" shows odd names as text", func(t *testing.T) {
			t.Parallel()
			tb := newTab(t)
			tb.must(chromedp.EmulateViewport(400, 900))
			tb.setScheme("dark")
			tb.open(base + path)
			if path == "/logs" {
				tb.wait(fmt.Sprintf(`document.querySelectorAll(".entry").length > %d`, len(oddTexts)))
			} else {
				tb.wait(`[...document.querySelectorAll("main > [id]")].some((e) => e.patched)`)
			}
			tb.requireStable("dark")
			get[any](tb, `(() => { // shows all details
				document.querySelectorAll("[hidden]").forEach((e) => { e.hidden = false; });
				document.querySelectorAll(".entry").forEach((e) => e.click());
				return null;
			})()`)
			if get[bool](tb, `"xss" in window`) {
				t.Error("a script of a name was run")
			}
			const foreign = `[...document.querySelectorAll("[onerror], [onload], [onfocus], img, svg[onload], main script, [href^='javascript']")].map((e) => e.outerHTML)`
			if found := get[[]string](tb, foreign); len(found) > 0 {
				t.Errorf("elements of names: %q", found)
			}
			tb.requireFits()
			tb.requireNoProblems()
		})
	}
}

// TestOddQueries requires that every page responds to odd queries, and shows them as text.
func TestOddQueries(t *testing.T) {
	t.Parallel()
	base := newOddConsole(t)
	c, _ := newConsole(t, nil)
	values := append([]string{"", "0", "-1", "1e300", "NaN", "../../etc/passwd", "%", strings.Repeat("%00", 500)}, oddTexts...)
	for _, p := range c.pages {
		t.Run("the page "+p.name+" responds", func(t *testing.T) {
			t.Parallel()
			for _, name := range []string{"id", "q", "name", "function", "severity", "trace", "min", "errors", "status", "subscription"} {
				for _, value := range values {
					path := "/" + p.name + "?" + url.Values{name: {value}}.Encode()
					switch status, body := fetch(t, base+path); {
					case status != http.StatusOK && status != http.StatusNotFound:
						t.Errorf("%s: status %d: %s", path, status, body)
					case status == http.StatusOK && (strings.Contains(body, "<script>window") || strings.Contains(body, "<img src=x") || strings.Contains(body, "<svg onload")):
						t.Errorf("%s: the text is an element", path)
					}
				}
			}
		})
	}
}

// TestLogsStayBounded leaves the page of the logs open while more entries arrive than it shows.
func TestLogsStayBounded(t *testing.T) {
	t.Parallel()
	const most, batch = 500, 100 // as in logs.js and logfile.go
	path := filepath.Join(t.TempDir(), "functions.log")
	_, base := newConsole(t, func(o *Options) { o.FunctionLog = path })
	tb := newTab(t)
	tb.must(chromedp.Navigate(base + "/logs"))
	tb.wait(`document.querySelector("#state").dataset.state === "live"`)
	for i := range 2 * most / batch {
		var lines []string
		for n := range batch {
			lines = append(lines, logLine("order-place", "INFO", fmt.Sprintf("%d of batch %d;", n, i)))
		}
		mustAppend(t, path, lines...)
		tb.wait(fmt.Sprintf(`document.querySelector("#log").lastElementChild?.textContent.includes("of batch %d;")`, i))
	}
	if n := get[int](tb, `document.querySelectorAll(".entry").length`); n != most {
		t.Errorf("%d entries are in the page, want %d", n, most)
	}
	tb.requireNoProblems()
}
