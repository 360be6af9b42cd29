package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// helpers are the functions that templates may call.
var helpers = template.FuncMap{
	"icon":  icon,
	"join":  strings.Join,
	"since": since,
	"short": short,
	"half":  func(x float64) float64 { return x / 2 },
}

// shortLength is the number of characters of an id that short retains.
const shortLength = 8

// short returns the beginning of an id.
func short(id string) string { return cut(id, shortLength) }

// icons are drawings of 16 × 16 in the style of the console: lines of 1.4.
var icons = map[string]string{
	"system":    `<circle cx="3.5" cy="8" r="1.8"/><circle cx="12.5" cy="3.5" r="1.8"/><circle cx="12.5" cy="12.5" r="1.8"/><path d="m5.1 7.2 5.8-2.9M5.1 8.8l5.8 2.9"/>`,
	"functions": `<rect x="2" y="2" width="5" height="5" rx="1.2"/><rect x="9" y="2" width="5" height="5" rx="1.2"/><rect x="2" y="9" width="5" height="5" rx="1.2"/><rect x="9" y="9" width="5" height="5" rx="1.2"/>`,
	"traces":    `<path d="M2 3.5h7M5 8h7M8 12.5h6"/>`,
	"orders":    `<path d="M3.5 2h9v12l-2.2-1.4L8 14l-2.3-1.4L3.5 14ZM6 5.5h4M6 8.5h4"/>`,
	"trail":     `<path d="M3 4.500v2.500M3 9v2.500M6 3.500h7.500M6 8h7.500M6 12.500h5"/><circle cx="3" cy="3.500" r="1"/><circle cx="3" cy="8" r="1"/><circle cx="3" cy="12.500" r="1"/>`,
	"webhooks":  `<circle cx="8" cy="4" r="2"/><circle cx="3.500" cy="12" r="2"/><circle cx="12.500" cy="12" r="2"/><path d="m7 5.800-2.600 4.500M9 5.800l2.600 4.500M5.500 12h5"/>`,
	"pubsub":    `<rect x="2" y="3.5" width="12" height="9" rx="1.4"/><path d="m2.5 4.5 5.5 4 5.5-4"/>`,
	"databases": `<ellipse cx="8" cy="3.9" rx="5.2" ry="1.9"/><path d="M2.8 3.9v8.2c0 1 2.3 1.9 5.2 1.9s5.2-.9 5.2-1.9V3.9M2.8 8c0 1 2.3 1.9 5.2 1.9s5.2-.9 5.2-1.9"/>`,
	"logs":      `<path d="M2.5 3.5h11M2.5 6.5h8M2.5 9.5h11M2.5 12.5h6"/>`,
	"load":      `<path d="M2 12.5c2.5 0 3-8.5 5.5-8.5S10 9 14 9"/><path d="M2 14.2h12"/>`,
	"lab":       `<path d="M6 2h4M6.6 2v4.2L3 12.6c-.4.8.1 1.4.9 1.4h8.200c.8 0 1.300-.6.9-1.400L9.400 6.200V2M4.800 10h6.400"/>`,
	"souk":      `<path d="M1.700 6.600 3.200 2.500h9.600l1.500 4.100a2 2 0 0 1-3.100 1.500 2 2 0 0 1-3.200 0 2 2 0 0 1-3.200 0 2 2 0 0 1-3.100-1.500Z" fill="currentColor"/><path d="M3.300 9.600v4h9.400v-4"/>`,
}

func icon(name string) template.HTML {
	return template.HTML(`<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4" ` + //nolint:gosec // G203: constants
		`stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">` + icons[name] + `</svg>`)
}

// since returns the time since t, such as "12 s" or "3 min".
func since(t time.Time) string {
	switch d := time.Since(t); {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	default:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
}
