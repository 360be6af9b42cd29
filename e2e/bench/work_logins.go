package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
)

// readInterval is the time between the reads of one client, whose latency is measured.
const readInterval = 2 * time.Millisecond

func prepareLogins(ctx context.Context, b *bench) ([]subject, error) {
	return b.withShops(ctx, 1, func(ctx context.Context, s *shop) (sample, error) {
		path := get("/v1/products/" + s.products[0])
		quiet, err := readDuring(ctx, s.address, path, func() error {
			return gax.Sleep(ctx, b.options.round)
		})
		if err != nil {
			return nil, err
		}
		succeeded := 0
		flood, err := readDuring(ctx, s.address, path, func() (err error) {
			succeeded, err = s.signIn(b.options.logins)
			return err
		})
		q, f := quantile(quiet, 0.99), quantile(flood, 0.99)
		return sample{
			"quiet": q, "flood": f, "ratio": share(f, q), "signedIn": 100 * float64(succeeded) / float64(b.options.logins),
		}, err
	})
}

// readDuring reads at a steady pace while do runs, and returns the latencies in milliseconds.
func readDuring(ctx context.Context, address string, request []byte, do func() error) (latencies []float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var readErr error
	var reading sync.WaitGroup
	reading.Go(func() {
		w := &wire{address: address}
		for gax.Sleep(ctx, readInterval) == nil && readErr == nil {
			var took float64
			took, readErr = w.read(request)
			latencies = append(latencies, took)
		}
		readErr = errors.Join(readErr, w.close())
	})
	err = do()
	cancel()
	reading.Wait()
	return latencies, errors.Join(err, readErr)
}

// signIn signs the customer of the system in many times at once, and returns how often it
// succeeded: logins beyond what the shop serves are refused.
func (s *shop) signIn(logins int) (succeeded int, err error) {
	body, err := json.Marshal(map[string]string{"email": s.status.Customer.Email, "password": s.status.Customer.Password})
	if err != nil {
		return 0, err
	}
	statuses, errs := make([]int, logins), make([]error, logins)
	var signing sync.WaitGroup
	for i := range logins {
		signing.Go(func() {
			w := &wire{address: s.address}
			got, err := w.send(newRequest(http.MethodPost, "/v1/sessions", body))
			statuses[i], errs[i] = got.status, errors.Join(err, w.close())
		})
	}
	signing.Wait()
	for _, status := range statuses {
		if status == http.StatusCreated {
			succeeded++
		}
	}
	return succeeded, errors.Join(errs...)
}
