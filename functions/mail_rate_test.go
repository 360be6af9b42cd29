package functions_test

import (
	"slices"
	"testing"

	"souk/functions"
	"souk/shared/mail"
	"souk/shared/manifest"
)

const (
	// mailRate is the number of mails a second that each function with mails must sustain.
	mailRate = 100
	// secondsPerMail is the assumed duration of one mail: 0.45 s at the mail server, a
	// relay in another network with four round trips over an open connection, and 0.05 s
	// in two transactions.
	secondsPerMail = 0.5
	// databaseSecondsPerMail is the part of it that holds a database connection.
	databaseSecondsPerMail = 0.05
)

// TestMailRate computes the rate of mails that the functions can send with the scaling in
// functions.yaml.
func TestMailRate(t *testing.T) {
	t.Parallel()
	list := functions.Manifest()
	mailers := 0
	for _, f := range list.Functions {
		if !slices.Contains(f.Secrets, "SMTP_URL") {
			continue
		}
		mailers++
		for granularity, scaling := range map[manifest.Granularity]manifest.Scaling{
			manifest.PerFunction: list.ScalingOf(f), manifest.PerService: list.Scaling[manifest.PerService][f.Kind()],
		} {
			concurrent := min(scaling.Concurrency, mail.DefaultConnections)
			if rate := float64(scaling.MaxInstances*concurrent) / secondsPerMail; rate < mailRate {
				t.Errorf("%s (granularity %s) can send %.0f mails a second, want %d: %+v", f.Name, granularity, rate, mailRate, scaling)
			}
			if rate := float64(scaling.MaxInstances*scaling.Pool) / databaseSecondsPerMail; rate < mailRate {
				t.Errorf("%s (granularity %s) has connections for %.0f mails a second, want %d: %+v", f.Name, granularity, rate, mailRate, scaling)
			}
			if scaling.Concurrency > mail.DefaultConnections {
				t.Errorf("%s (granularity %s) gets %d concurrent requests, but sends %d mails at a time", f.Name, granularity, scaling.Concurrency, mail.DefaultConnections)
			}
		}
	}
	if mailers < 4 {
		t.Errorf("only %d functions send mails", mailers)
	}
}
