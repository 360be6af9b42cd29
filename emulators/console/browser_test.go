package console

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/emulators/browsertest"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// maxPageBytes is the most that a page and the files that it loads may have, as they are transferred.
const maxPageBytes = 200 << 10

// maxWait is how long a page may take to show something.
const maxWait = 20 * time.Second

// observeShifts collects layout shifts that no input caused and that are larger than those of
// rounding
// (https://wicg.github.io/layout-instability/).
const observeShifts = `window.shifts = [];
new PerformanceObserver((list) => {
	for (const entry of list.getEntries()) {
		if (!entry.hadRecentInput && entry.value > 0.0001) window.shifts.push(entry.value + ": " + entry.sources.map((s) => s.node?.outerHTML?.slice(0, 80)).join(" "));
	}
}).observe({ type: "layout-shift", buffered: true });`

// sharedBrowser is the browser of all tests, which each have a tab.
var sharedBrowser = struct {
	start func() (context.Context, error)
	stop  context.CancelFunc
}{stop: func() {}}

func TestMain(m *testing.M) {
	sharedBrowser.start = sync.OnceValues(func() (context.Context, error) {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox) //nolint:gocritic // a copy
		allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
		browser, stop := chromedp.NewContext(allocator)
		sharedBrowser.stop = func() { stop(); cancel() }
		return browser, chromedp.Do(browser)
	})
	code := m.Run()
	sharedBrowser.stop()
	os.Exit(code)
}

// tab is a tab of the browser.
type tab struct {
	context.Context
	t *testing.T

	mu sync.Mutex
	// problems are what the browser reported: errors of scripts, of loading, of the policy.
	problems []string
}

// newTab opens a tab that collects problems and layout shifts.
func newTab(t *testing.T) *tab {
	t.Helper()
	browsertest.Require(t)
	browser, err := sharedBrowser.start()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser)
	tb := &tab{Context: ctx, t: t}
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleException || m.Type == "error" || m.Type == "warning" {
				tb.mu.Lock()
				tb.problems = append(tb.problems, m.Text+" "+m.URL)
				tb.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	if _, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument,
		cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: observeShifts}); err != nil {
		t.Fatal(err)
	}
	return tb
}

// must runs actions.
func (tb *tab) must(actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	if err := chromedp.Do(tb, actions...); err != nil {
		tb.t.Fatal(err)
	}
}

// click clicks an element. It tries again if live data replaced the element meanwhile.
func (tb *tab) click(selector string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb, maxWait)
	defer cancel()
	for {
		err := chromedp.Do(ctx, chromedp.Click(selector))
		if err == nil {
			return
		}
		if ctx.Err() != nil || !strings.Contains(err.Error(), "Could not find node") {
			tb.t.Fatalf("click %s: %v", selector, err)
		}
	}
}

// wait waits until an expression is true, also across a navigation.
func (tb *tab) wait(expression string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb, maxWait)
	defer cancel()
	var err error
	for ctx.Err() == nil {
		if _, err = chromedp.Run(ctx, chromedp.Poll[any]("Boolean("+expression+")", chromedp.WithPollingTimeout(maxWait))); err == nil {
			return
		}
	}
	tb.requireNoProblems()
	tb.t.Fatalf("wait for %s: %v", expression, err)
}

// get returns the value of an expression.
func get[T any](tb *tab, expression string) T {
	tb.t.Helper()
	value, err := chromedp.Run(tb, chromedp.Evaluate[T](expression))
	if err != nil {
		tb.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// open opens a page and waits until it is live. The pages of the sampler and of the log have
// events all the time: it waits for some.
func (tb *tab) open(url string) {
	tb.t.Helper()
	tb.must(chromedp.Navigate(url))
	tb.wait(`document.readyState === "complete" && (!("live" in document.body.dataset) || document.querySelector("#state").dataset.state === "live")`)
	tb.wait(`!["system", "functions", "logs"].includes(document.body.dataset.page) || Number(document.body.dataset.events) > 3`)
}

// paths returns the paths of all pages, and of pages in a page.
func paths(c *Console) []string {
	all := []string{"/functions?name=order-place", "/functions?name=order-expire", "/logs?severity=ERROR"}
	for _, p := range c.pages {
		all = append(all, "/"+p.name)
	}
	return all
}

// TestPagesInBrowser opens every page in a narrow dark and a wide light window: nothing is
// wider than the window, nothing moves while data arrives, and the browser reports no problem.
func TestPagesInBrowser(t *testing.T) {
	t.Parallel()
	change, _ := fakeSystem(t)
	c, base := newConsole(t, change)
	for _, path := range paths(c) {
		for width, scheme := range map[int64]string{400: "dark", 1600: "light"} {
			t.Run(fmt.Sprintf("%s is stable and fits into %d pixels", path, width), func(t *testing.T) {
				t.Parallel()
				tb := newTab(t)
				tb.must(chromedp.EmulateViewport(width, 900))
				tb.setScheme(scheme)
				tb.open(base + path)
				tb.requireStable(scheme)
			})
		}
	}
}

func (tb *tab) setScheme(scheme string) {
	tb.t.Helper()
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(tb, emulation.SetEmulatedMedia, params); err != nil {
		tb.t.Fatal(err)
	}
}

// requireStable checks the page that is open.
func (tb *tab) requireStable(scheme string) {
	tb.t.Helper()
	if shifts := get[[]string](tb, "window.shifts"); len(shifts) > 0 {
		tb.t.Errorf("layout shifts:\n%s", strings.Join(shifts, "\n"))
	}
	tb.requireFits()
	dark := get[bool](tb, `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).every((c) => c < 60)`)
	if dark != (scheme == "dark") {
		tb.t.Errorf("the background is dark: %v, in the %s scheme", dark, scheme)
	}
	if moving := get[int](tb, "document.getAnimations().length"); moving > 0 {
		tb.t.Errorf("%d animations with reduced motion", moving)
	}
	tb.requireNoProblems()
}

func (tb *tab) requireFits() {
	tb.t.Helper()
	if over := get[int](tb, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		tb.t.Errorf("the page is %d pixels wider than the window", over)
	}
}

func (tb *tab) requireNoProblems() {
	tb.t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if diff := cmp.Diff([]string(nil), tb.problems); diff != "" {
		tb.t.Errorf("problems in the browser (-want +got):\n%s", diff)
	}
}

// TestKeys requires that pages, the filter, rows and help can be used with the keyboard.
func TestKeys(t *testing.T) {
	t.Parallel()
	change, _ := fakeSystem(t)
	c, base := newConsole(t, change)
	tb := newTab(t)
	tb.open(base + "/")
	for i := range slices.Backward(c.pages) {
		key := sheet{Pages: c.pages}.Key(c.pages[i].name)
		if key == "" {
			continue
		}
		tb.must(chromedp.KeyEvent(key))
		tb.wait(fmt.Sprintf("location.pathname === %q && document.readyState === 'complete'", "/"+c.pages[i].name))
	}
	tb.must(chromedp.KeyEvent("?"))
	tb.wait(`document.querySelector("#help").open`)
	tb.must(chromedp.KeyEvent("\u001b"))
	tb.wait(`!document.querySelector("#help").open`)
	tb.must(chromedp.KeyEvent("\t"))
	tb.wait(`document.activeElement.classList.contains("skip")`)

	tb.open(base + "/logs")
	tb.must(chromedp.KeyEvent("/"))
	tb.wait(`document.activeElement.name === "q"`)
	// chromedp sends the character apart from the key, so that the page cannot prevent it.
	get[string](tb, `document.activeElement.value = ""`)
	tb.must(chromedp.KeyEvent("failed"))
	tb.wait(`location.search === "?q=failed" && document.querySelectorAll(".entry").length === 1`)
	tb.must(chromedp.KeyEvent("\u001b"), chromedp.KeyEvent("j"))
	tb.wait(`document.activeElement.classList.contains("entry")`)
	tb.must(chromedp.KeyEvent("\r"))
	tb.wait(`document.querySelector(".entry.open pre").textContent.includes("2 failed")`)

	tb.open(base + "/functions")
	tb.must(chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("k"), chromedp.KeyEvent("\r"))
	tb.wait(`location.search === "?name=` + c.options.Manifest.Functions[0].Name + `"`)
	tb.must(chromedp.KeyEvent("t"))
	tb.wait(`["dark", "light"].includes(document.documentElement.dataset.theme)`)
}

// TestActionsInBrowser requires that buttons are disabled without the token, and work after the
// link has been opened.
func TestActionsInBrowser(t *testing.T) {
	t.Parallel()
	change, calls := fakeSystem(t)
	c, base := newConsole(t, change)
	tb := newTab(t)
	buttons := 0
	for _, path := range paths(c) {
		tb.open(base + path)
		const enabled = `document.querySelectorAll("form[data-action] button:enabled, button[data-act]:enabled").length`
		if n := get[int](tb, enabled); n > 0 {
			t.Errorf("%s: %d buttons of actions are enabled without the token", path, n)
		}
		if !get[bool](tb, `Boolean(document.querySelector("#read-only"))`) {
			t.Errorf("%s does not explain that it is read-only", path)
		}
		buttons += get[int](tb, `document.querySelectorAll("form[data-action] button, button[data-act]").length`)
	}
	if buttons == 0 {
		t.Error("no page has a button of an action")
	}
	tb.must(chromedp.Navigate(EntryLink(base, testToken)))
	tb.wait(`location.search === "" && !document.querySelector("#read-only")`)
	tb.open(base + "/functions?name=order-expire")
	tb.click(`form[data-action="functions/run"] button`)
	tb.wait(`document.querySelector(".toast")?.textContent === "Called order-expire."`)
	if calls.Load() != 1 {
		t.Errorf("the function was called %d times, want once", calls.Load())
	}
}

// linked matches the files that a page loads.
var linked = regexp.MustCompile(`(?:src|href)="(/asset/[^"]+)"`)

// TestPagesAreSmall requires that each page and its files are below 200 KB.
func TestPagesAreSmall(t *testing.T) {
	t.Parallel()
	change, _ := fakeSystem(t)
	c, base := newConsole(t, change)
	for _, path := range paths(c) {
		body := mustGet(t, base, path)
		size := mustMeasure(t, base+path)
		for _, match := range linked.FindAllStringSubmatch(body, -1) {
			size += mustMeasure(t, base+match[1])
		}
		if size > maxPageBytes {
			t.Errorf("%s and its files have %d bytes, want at most %d", path, size, maxPageBytes)
		}
		if strings.Contains(body, " style=") || strings.Contains(body, "<script>") {
			t.Errorf("%s has inline styles or scripts, which the policy rejects", path)
		}
	}
}

// mustMeasure returns the bytes of a response as they are transferred to a browser.
func mustMeasure(t *testing.T, url string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip") // so that the client does not decompress the body
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || len(body) == 0 {
		t.Fatalf("GET %s: %s, %d bytes, %v", url, response.Status, len(body), err)
	}
	return len(body)
}

// loadTiming is what a browser reports about a page, in milliseconds and bytes
// (https://www.w3.org/TR/navigation-timing-2/, https://www.w3.org/TR/paint-timing/).
type loadTiming struct {
	Response, Paint, Interactive, Complete float64
	Bytes, Files                           int
}

const readTiming = `(() => {
	const page = performance.getEntriesByType("navigation")[0], files = performance.getEntriesByType("resource");
	const paint = performance.getEntriesByType("paint").find((entry) => entry.name === "first-contentful-paint");
	return {
		response: page.responseEnd, paint: paint.startTime, interactive: page.domInteractive, complete: page.loadEventEnd,
		bytes: [page, ...files].reduce((sum, entry) => sum + entry.transferSize, 0), files: files.length,
	};
})()`

// TestFirstPageInBrowser logs when the first page is painted without a cache, and requires that
// its files are small. Times are the machine's, and not compared: go test -v -run TestFirstPage.
func TestFirstPageInBrowser(t *testing.T) {
	t.Parallel()
	change, _ := fakeSystem(t)
	_, base := newConsole(t, change)
	tb := newTab(t)
	if _, err := chromedp.Call(tb, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
		t.Fatal(err)
	}
	var all []loadTiming
	for range 5 {
		tb.must(chromedp.Navigate(base + "/"))
		tb.wait(`performance.getEntriesByType("navigation")[0].loadEventEnd > 0 && performance.getEntriesByType("paint").length > 1`)
		timing := get[loadTiming](tb, readTiming)
		if timing.Bytes > maxPageBytes || timing.Files == 0 {
			t.Errorf("the first page and its %d files have %d bytes, want at most %d", timing.Files, timing.Bytes, maxPageBytes)
		}
		all = append(all, timing)
	}
	slices.SortFunc(all, func(a, b loadTiming) int { return int(1000 * (a.Paint - b.Paint)) })
	t.Logf("first page: median of %d %+v, fastest %+v", len(all), all[len(all)/2], all[0])
}
