package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// formatDuration writes a duration as format.time in console.js does.
func formatDuration(d time.Duration) string {
	s := d.Seconds()
	switch {
	case d <= 0:
		return "0 s"
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", s*1e6)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", s*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", s*1e3)
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", s)
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", s)
	case d < time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// formatBytes writes a size as format.bytes in console.js does.
func formatBytes(n int64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if v := float64(n) / unit.size; v >= 10 {
			return fmt.Sprintf("%.0f %s", v, unit.name)
		} else if v >= 1 {
			return fmt.Sprintf("%.1f %s", v, unit.name)
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}

// formatCount writes a number with a thin space between thousands.
func formatCount(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "\u2009" + digits[i:]
	}
	return digits
}

// percent returns a part of a whole for an attribute of SVG.
func percent(part, whole time.Duration) string {
	if whole <= 0 {
		return "0%"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 3, 64) + "%"
}

// clock writes the local time of day.
func clock(t time.Time) string { return t.Local().Format("15:04:05.000") }

// cut returns a text, or the beginning of a longer one.
func cut(text string, characters int) string {
	if runes := []rune(text); len(runes) > characters {
		return string(runes[:characters]) + "…"
	}
	return text
}

// indent returns JSON in several lines, and other text as it is.
func indent(text string) string {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		return text
	}
	return out.String()
}
