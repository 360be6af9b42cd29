package cost

import "testing"

// TestTicks compares with times that are counted by hand, in the 365 days of 2027.
func TestTicks(t *testing.T) {
	t.Parallel()
	for expression, year := range map[string]float64{
		"* * * * *":             365 * 24 * 60,
		"*/15 * * * *":          365 * 24 * 4,
		"5,10-12 3 * * *":       365 * 4,
		"0 0 1 * *":             12,
		"0 0 31 * *":            7,
		"30 6,18 * 2 *":         28 * 2,
		"0 9 * * 1":             52,
		"0 9 13 * 5":            12 + 53 - 1, // either day; one is both
		"@hourly":               365 * 24,
		"@every 6h":             365 * 4,
		"0 0 29 2 *":            0, // not in this year
		"0 0 31 2 *":            0, // in no year
		"CRON_TZ=UTC 0 * * * *": 365 * 24,
	} {
		if got, err := ticks(expression); err != nil || got*12 != year {
			t.Errorf("%s: %v a year, want %v; %v", expression, got*12, year, err)
		}
	}
	if _, err := ticks("every minute"); err == nil {
		t.Error("an expression of words is accepted")
	}
}
