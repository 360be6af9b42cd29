package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// maxWait is how long a page may take to show something.
const maxWait = 20 * time.Second

// Start starts Chromium until the end of the test, or skips the test without it.
func Start(t testing.TB) context.Context {
	t.Helper()
	Require(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox) //nolint:gocritic // a copy
	allocator, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	browser, stop := chromedp.NewContext(allocator)
	t.Cleanup(func() { stop(); cancel() })
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}
	return browser
}

// Tab is a tab of a browser.
type Tab struct {
	ctx context.Context
	t   testing.TB
}

// NewTab opens a tab with a storage of its own until the end of the test.
func NewTab(browser context.Context, t testing.TB) Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	return Tab{ctx, t}
}

// Do performs actions.
func (tb Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	if err := chromedp.Do(tb.ctx, actions...); err != nil {
		tb.t.Fatal(err)
	}
}

// Type presses keys: \t is the tabulator, \r Enter.
func (tb Tab) Type(keys string) {
	tb.t.Helper()
	tb.Do(chromedp.KeyEvent(keys))
}

// Wait waits until an expression is true, also across a navigation.
func (tb Tab) Wait(expression string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, maxWait)
	defer cancel()
	var err error
	for ctx.Err() == nil {
		if _, err = chromedp.Run(ctx, chromedp.Poll[any]("Boolean("+expression+")", chromedp.WithPollingTimeout(maxWait))); err == nil {
			return
		}
	}
	tb.t.Fatalf("wait for %s: %v", expression, err)
}

// Value returns the value of an expression.
func Value[T any](tb Tab, expression string) T {
	tb.t.Helper()
	value, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		tb.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// Open opens a page in a window of a width and a color scheme, light or dark.
func (tb Tab) Open(url string, width int64, scheme string) {
	tb.t.Helper()
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	tb.Do(chromedp.EmulateViewport(width, 900))
	if _, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, params); err != nil {
		tb.t.Fatal(err)
	}
	tb.Do(chromedp.Navigate(url))
	tb.Wait(`document.readyState === "complete"`)
}

// Check requires that the page fits into the window and has its color scheme, that text has contrast
// and that inputs have labels. It stores a screenshot NAME-WIDTH-SCHEME.png, if the test was
// started with -artifacts.
func (tb Tab) Check(name string, width int64, scheme string) {
	tb.t.Helper()
	if over := Value[int](tb, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		tb.t.Errorf("%s is %d pixels wider than its window of %d", name, over, width)
	}
	dark := Value[bool](tb, `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).every((c) => c < 60)`)
	if dark != (scheme == "dark") {
		tb.t.Errorf("%s is dark: %v, in the %s scheme", name, dark, scheme)
	}
	if diff := cmp.Diff([]string{}, Value[[]string](tb, `[...document.querySelectorAll("input")].filter((i) => !i.labels.length).map((i) => i.name)`)); diff != "" {
		tb.t.Errorf("%s has inputs without labels:\n%s", name, diff)
	}
	if diff := cmp.Diff([]string{}, Value[[]string](tb, lowContrast)); diff != "" {
		tb.t.Errorf("%s has text of a contrast below 4.5 (WCAG 2.2, 1.4.3):\n%s", name, diff)
	}
	image, err := chromedp.Run(tb.ctx, chromedp.FullScreenshot(100))
	if err != nil || len(image) < 1000 {
		tb.t.Fatalf("screenshot of %d bytes: %v", len(image), err)
	}
	path := filepath.Join(tb.t.ArtifactDir(), fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
	if err := os.WriteFile(path, image, 0o600); err != nil {
		tb.t.Fatal(err)
	}
}

// lowContrast lists the elements with text of too little contrast.
const lowContrast = `(() => {
	const parse = (color) => color.match(/[\d.]+/g).map(Number);
	const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
		const v = c[i] / 255;
		return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	}, 0);
	const ground = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length < 4 || c[3] > 0) return c;
		}
	};
	return [...document.body.querySelectorAll("*")]
		.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
		.map((e) => {
			const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
			return [(a + 0.05) / (b + 0.05), e.tagName + " " + e.className];
		})
		.filter(([contrast]) => contrast < 4.5).map(([contrast, name]) => name + " " + contrast.toFixed(2));
})()`
