package cost

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/robfig/cron/v3"
)

// anyValue is set in a field of a schedule that was written as *.
const anyValue = 1 << 63

// ticks returns how often a cron expression is due in a month of 730 hours.
func ticks(expression string) (float64, error) {
	schedule, err := cron.ParseStandard(expression)
	if err != nil {
		return 0, fmt.Errorf("read the schedule: %w", err)
	}
	// A year, for what is due on some days only.
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	end := begin.AddDate(1, 0, 0)
	fields, ok := schedule.(*cron.SpecSchedule)
	if !ok { // @every
		delay := schedule.Next(begin).Sub(begin)
		return float64(end.Sub(begin)/delay) / 12, nil
	}
	// Every day on which it is due has as many times.
	daily := bits.OnesCount64(fields.Minute&^anyValue) * bits.OnesCount64(fields.Hour&^anyValue)
	n := 0
	for day := begin; day.Before(end); day = day.AddDate(0, 0, 1) {
		// A day that does not exist, such as 31 February, is never due.
		if next := schedule.Next(day.Add(-time.Second)); !next.IsZero() && next.Before(day.AddDate(0, 0, 1)) {
			n += daily
		}
	}
	return float64(n) / 12, nil
}
