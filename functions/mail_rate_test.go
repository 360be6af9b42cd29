package functions_test

import (
	"slices"
	"testing"

	"souk/functions"
	"souk/shared/mail"
	"souk/shared/manifest"
)

const (
	// mailRate is how many mails a second each function that mails must be able to send.
	mailRate = 100
	// secondsPerMail is what one mail is assumed to take: 0.45 s at the mail server, a
	// relay in another network with four round trips over an open connection, and 0.05 s
	// in two transactions.
	secondsPerMail = 0.5
	// databaseSecondsPerMail is the part of it that holds a database connection.
	databaseSecondsPerMail = 0.05
)

// TestMailRate computes how many mails the functions that mail can send, at the size
// that functions.yaml gives them.
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
			atATime := min(scaling.Concurrency, mail.DefaultConnections)
			if rate := float64(scaling.MaxInstances*atATime) / secondsPerMail; rate < mailRate {
				t.Errorf("%s (granularity %s) can send %.0f mails a second, want %d: %+v", f.Name, granularity, rate, mailRate, scaling)
			}
			if rate := float64(scaling.MaxInstances*scaling.Pool) / databaseSecondsPerMail; rate < mailRate {
				t.Errorf("%s (granularity %s) has connections for %.0f mails a second, want %d: %+v", f.Name, granularity, rate, mailRate, scaling)
			}
			if scaling.Concurrency > mail.DefaultConnections {
				t.Errorf("%s (granularity %s) gets %d requests at a time and sends %d mails", f.Name, granularity, scaling.Concurrency, mail.DefaultConnections)
			}
		}
	}
	if mailers < 4 {
		t.Errorf("%d functions mail", mailers)
	}
}
