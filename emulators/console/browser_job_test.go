package console

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"souk/emulators/load/loadtest"
)

// enter opens the link with the token, and then a page.
func (tb *tab) enter(base, path string) {
	tb.t.Helper()
	tb.must(chromedp.Navigate(EntryLink(base, testToken)))
	tb.wait(`location.search === "" && !document.querySelector("#read-only")`)
	tb.open(base + path)
}

// TestLoadInBrowser starts a load on a shop in memory, watches it in two tabs, and stops it.
func TestLoadInBrowser(t *testing.T) {
	t.Parallel()
	shop := loadtest.New()
	shop.Takes = 5 * time.Millisecond
	c, base := newConsole(t, func(o *Options) { target := shop.Target(); o.Load = &target })
	first, second := newTab(t), newTab(t)
	for _, tb := range []*tab{first, second} {
		tb.must(chromedp.EmulateViewport(1200, 1600)) // charts are drawn where they are visible
	}
	first.enter(base, "/load")
	second.open(base + "/load")
	const (
		idle    = `!document.querySelector("#start").disabled && document.querySelector("#stop").disabled`
		running = `document.querySelector("#start").disabled && !document.querySelector("#stop").disabled`
		state   = `document.querySelector("#v-state").textContent`
		drawn   = `[...document.querySelectorAll("#charts .line")].some((line) => line.getAttribute("d")?.length > 20)`
	)
	first.wait(idle + ` && ` + state + ` === "idle"`)
	first.click(`.choice:nth-of-type(2)`)
	first.must(chromedp.SetValue(`input[name="users"]`, "2"), chromedp.SetValue(`input[name="seconds"]`, "300"))
	first.click("#start")
	first.wait(`document.querySelector(".toast")?.textContent === "checkout for 5m0s"`)
	for _, tb := range []*tab{first, second} {
		tb.wait(running + ` && ` + state + ` === "running" && ` + drawn)
		tb.wait(`Number(document.querySelector("#v-confirmed").textContent) > 0 && document.querySelector("#v-p50").textContent !== "–"`)
	}
	get[any](second, `(() => { document.querySelector(".load-form").requestSubmit(); return null; })()`) // by the Enter key
	second.wait(`document.querySelector(".toast.failed")?.textContent.includes("load checkout is running")`)

	second.click("#stop")
	second.wait(`[...document.querySelectorAll(".toast")].some((e) => e.textContent.startsWith("Stopping."))`)
	const done = idle + ` && ` + state + ` === "done" && document.querySelector("#outcome").textContent === "the stock adds up"
		&& document.querySelectorAll("#operations tr").length === 5 && document.querySelector("#remains").textContent.includes("archived products")`
	for _, tb := range []*tab{first, second} {
		tb.wait(done)
	}
	first.open(base + "/load")
	first.wait(done + ` && ` + drawn)
	awaitIdle(t, c)
	if len(shop.Stock) == 0 || len(shop.Archived) != len(shop.Stock) {
		t.Errorf("%d of %d products are archived", len(shop.Archived), len(shop.Stock))
	}
	first.requireNoProblems()
}

// TestLabInBrowser runs an experiment to its report and stops another one.
func TestLabInBrowser(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	report := LabReport{
		Tables: []LabTable{{Title: "Lag", Columns: []string{"case", "ms"}, Rows: [][]string{{"one", "7"}}}},
		Charts: []LabChart{{Name: "lag", Title: "The lag", SVG: []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`)}},
		Checks: []LabCheck{{Text: "none is lost", OK: true}, {Text: "it is <b>fast</b>"}}, Findings: []string{"It was seen."}, Quick: true,
	}
	c, base := newConsole(t, func(o *Options) {
		o.Lab = &Lab{
			Experiments: []Experiment{{Name: "one", Title: "One"}, {Name: "two", Title: "Two"}},
			Run: func(ctx context.Context, name string, quick bool, progress func(string)) (LabReport, error) {
				progress("the step of " + name)
				if name == "two" {
					<-ctx.Done()
					return LabReport{}, errors.New("it was stopped")
				}
				<-release
				report.Quick = quick
				return report, nil
			},
		}
	})
	tb := newTab(t)
	tb.enter(base, "/lab")
	const (
		idle    = `document.querySelector("#running").textContent === "Nothing is running" && document.querySelector("#stop").disabled`
		blocked = `[...document.querySelectorAll(".experiment button")].every((b) => b.disabled) && !document.querySelector("#stop").disabled`
		free    = `[...document.querySelectorAll(".experiment button")].every((b) => !b.disabled)`
	)
	tb.wait(idle)
	tb.click(`#one button[name="quick"]`)
	tb.wait(`document.querySelector("#running").textContent === "experiment one" && document.querySelector("#lines").textContent === "the step of one"`)
	tb.wait(blocked)
	close(release)
	tb.wait(idle + ` && ` + free + ` && document.querySelectorAll("#one .checks li").length === 2`)
	tb.wait(`document.querySelector("#one .badge.warn").textContent === "quick" && document.querySelector("#one .checks .bad").textContent.includes("<b>")`)
	tb.must(chromedp.ScrollIntoView("#one img"))
	tb.wait(`document.querySelector("#one img").complete && document.querySelector("#one img").naturalWidth === 9`)

	tb.click(`#two .main-action`)
	tb.wait(`document.querySelector("#running").textContent === "experiment two" && document.querySelector("#lines").textContent === "the step of two"`)
	tb.wait(blocked)
	tb.click("#stop")
	tb.wait(idle + ` && ` + free + ` && document.querySelector("#two .bad").textContent === "it was stopped"`)
	awaitIdle(t, c)
	tb.requireNoProblems()
}
