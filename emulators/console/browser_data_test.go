package console

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	oteltrace "go.opentelemetry.io/otel/trace"

	"souk/emulators/trace"
)

// newDataConsole starts a console with a trace, an order, a dead letter and databases.
func newDataConsole(t *testing.T) (store *trace.Store, base string) {
	t.Helper()
	change, _ := fakeSystem(t)
	broker, source := newMessages(t)
	urls := newDatabases(t)
	addChanges(t, urls)
	urls["webhook"] = newWebhooks(t)
	store = newTraces()
	_, base = newConsole(t, func(o *Options) {
		change(o)
		o.Messages, o.Topics, o.Undelivered, o.Databases, o.Traces = source, broker.Stats, broker.PeekAll, urls, store
	})
	return store, base
}

// TestDataPagesInBrowser is TestPagesInBrowser for pages with data.
func TestDataPagesInBrowser(t *testing.T) {
	t.Parallel()
	_, base := newDataConsole(t)
	for _, path := range []string{
		"/traces", "/traces?id=" + oteltrace.TraceID{1}.String(), "/orders", "/orders?id=" + testOrder,
		"/pubsub", "/pubsub?subscription=" + testLetters, "/databases", "/trail", "/trail?id=" + testProduct, "/webhooks", "/webhooks?id=" + testWebhook,
	} {
		for width, scheme := range map[int64]string{400: "dark", 1600: "light"} {
			t.Run(fmt.Sprintf("%s is stable and fits into %d pixels", path, width), func(t *testing.T) {
				t.Parallel()
				tb := newTab(t)
				tb.must(chromedp.EmulateViewport(width, 900))
				tb.setScheme(scheme)
				tb.open(base + path)
				tb.wait(`[...document.querySelectorAll("main > [id]")].some((e) => e.patched)`)
				tb.requireStable(scheme)
			})
		}
	}
}

// TestTracesInBrowser requires that traces appear by themselves and that a waterfall can be
// read with the keyboard.
func TestTracesInBrowser(t *testing.T) {
	t.Parallel()
	store, base := newDataConsole(t)
	tb := newTab(t)
	tb.open(base + "/traces")
	tb.wait(`document.querySelectorAll("tr[data-href]").length === 2`)
	store.Add(&trace.Span{TraceID: oteltrace.TraceID{3}, ID: oteltrace.SpanID{1}, Name: "GET /v1/products", Start: time.Now(), End: time.Now()})
	tb.wait(`document.querySelectorAll("tr[data-href]").length === 3`)
	tb.must(chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("\r"))
	tb.wait(`location.search === "?id=` + oteltrace.TraceID{1}.String() + `" && document.querySelector(".waterfall")`)
	tb.wait(`document.querySelector("#state").dataset.state === "live"`)
	const shown = `[...document.querySelectorAll("tr.span")].filter((row) => !row.hidden).length`
	if n := get[int](tb, shown); n != 3 {
		t.Fatalf("%d spans are shown, want 3", n)
	}
	focus := `document.querySelector("tr.span").focus()`
	get[any](tb, focus+" ?? null")
	tb.must(chromedp.KeyEvent("\u0302")) // ArrowLeft
	tb.wait(shown + ` === 1 && document.querySelector("tr.span").getAttribute("aria-expanded") === "false"`)
	tb.must(chromedp.KeyEvent("\u0303")) // ArrowRight
	tb.wait(shown + ` === 3`)
	tb.must(chromedp.KeyEvent("j"), chromedp.KeyEvent("\r"))
	tb.wait(`[...document.querySelectorAll("tr.detail")].filter((row) => !row.hidden).length === 1 &&
		document.querySelector("tr.detail:not([hidden])").textContent.includes("INSERT INTO orders VALUES (?)")`)
	store.Add(&trace.Span{TraceID: oteltrace.TraceID{1}, ID: oteltrace.SpanID{9}, Parent: oteltrace.SpanID{1}, Name: "late", Start: time.Now(), End: time.Now()})
	tb.wait(shown + ` === 4 && document.querySelector("tr.detail:not([hidden])")`)
}

// TestMessagesInBrowser publishes, replays and discards.
func TestMessagesInBrowser(t *testing.T) {
	t.Parallel()
	_, base := newDataConsole(t)
	tb := newTab(t)
	letters := base + "/pubsub?subscription=" + testLetters
	tb.open(letters)
	if n := get[int](tb, `document.querySelectorAll("form[data-action] button:enabled").length`); n > 0 {
		t.Errorf("%d buttons are enabled without the token", n)
	}
	tb.must(chromedp.Navigate(EntryLink(base, testToken)))
	tb.wait(`location.search === "" && !document.querySelector("#read-only")`)
	tb.open(letters)
	tb.click(`.message form[data-action="pubsub/replay"] button`)
	tb.wait(`document.querySelector(".toast")?.textContent === "Replayed one message."`)
	tb.wait(`document.querySelector("#messages").textContent.includes("No messages")`)

	tb.open(base + "/pubsub")
	tb.wait(`document.querySelector("tr[data-href]").textContent.includes("` + testSource + `")`)
	tb.click("#open-publish")
	tb.wait(`document.querySelector("#publish").open`)
	get[any](tb, `(() => { const f = document.querySelector("#publish form"); f.data.value = '{"by": "hand"}'; return null; })()`)
	tb.click("#publish .main-action")
	tb.wait(`document.querySelector(".toast")?.textContent.startsWith("Published message") && !document.querySelector("#publish").open`)
	tb.wait(`document.querySelector("tr[data-href] td:nth-child(2)").textContent === "2"`)

	tb.open(letters)
	get[any](tb, `(() => { window.confirm = () => true; return null; })()`)
	get[any](tb, `act("pubsub/publish", {topic: "`+testLetters+`", data: "{}"}).then(() => null)`)
	tb.wait(`document.querySelectorAll(".message").length === 1`)
	tb.click(`header form[data-action="pubsub/discard"] button`)
	tb.wait(`[...document.querySelectorAll(".toast")].some((e) => e.textContent === "Discarded one message.")`)
	tb.wait(`document.querySelectorAll(".message").length === 0`)
}

// TestOrdersInBrowser opens an order and its trace.
func TestOrdersInBrowser(t *testing.T) {
	t.Parallel()
	_, base := newDataConsole(t)
	tb := newTab(t)
	tb.open(base + "/orders")
	tb.must(chromedp.KeyEvent("j"), chromedp.KeyEvent("\r"))
	tb.wait(`location.search === "?id=` + testOrder + `" && document.querySelectorAll(".trail li").length === 3`)
	tb.click(`a[href^="/traces?id="]`)
	tb.wait(`location.pathname === "/traces" && document.querySelector(".waterfall")`)
	tb.open(base + "/databases")
	tb.wait(`document.querySelector("#charts .line")?.getAttribute("d")?.length > 10`)
	tb.click("tr.statement")
	tb.wait(`document.querySelector("#statements tr.detail").hidden === false`)
}
