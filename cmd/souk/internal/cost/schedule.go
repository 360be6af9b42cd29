package cost

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

// ticks returns how often a cron expression is due in a month of 730 hours.
func ticks(expression string) (float64, error) {
	schedule, err := cron.ParseStandard(expression)
	if err != nil {
		return 0, fmt.Errorf("read the schedule: %w", err)
	}
	// A year, for what is due on some days only.
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	n := 0
	for at := schedule.Next(begin.Add(-time.Second)); !at.IsZero() && at.Before(begin.AddDate(1, 0, 0)); at = schedule.Next(at) {
		n++
	}
	return float64(n) / 12, nil
}
