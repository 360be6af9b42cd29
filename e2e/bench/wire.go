package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// requestTimeout bounds a request. It is longer than the timeout of the gateway.
const requestTimeout = 65 * time.Second

// wire sends requests over one connection. It costs less CPU than net/http's client, so that
// the figures are the server's.
type wire struct {
	address    string
	connection net.Conn
	reader     *bufio.Reader
}

// reply is a response.
type reply struct {
	status     int
	retryAfter time.Duration
	body       []byte
}

// problem returns the error of a request whose response is not the expected one.
func (r reply) problem(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: status %d: %.200s", what, r.status, r.body)
}

// send sends a request and reads the response. After an error the next send connects anew.
func (w *wire) send(request []byte) (reply, error) {
	if w.connection == nil {
		connection, err := net.DialTimeout("tcp", w.address, requestTimeout) //nolint:noctx // bounded by its timeout
		if err != nil {
			return reply{}, err
		}
		w.connection, w.reader = connection, bufio.NewReader(connection)
	}
	got, last, err := w.exchange(request)
	if err != nil || last {
		err = errors.Join(err, w.close())
	}
	return got, err
}

func (w *wire) exchange(request []byte) (got reply, last bool, err error) {
	if err := w.connection.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return reply{}, true, err
	}
	if _, err := w.connection.Write(request); err != nil {
		return reply{}, true, err
	}
	response, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		return reply{}, true, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	got = reply{status: response.StatusCode, body: body}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		got.retryAfter = time.Duration(seconds) * time.Second
	}
	return got, response.Close, err
}

func (w *wire) close() error {
	if w.connection == nil {
		return nil
	}
	connection := w.connection
	w.connection = nil
	return connection.Close()
}

// newRequest returns a request with headers, each of the form "Name: value".
func newRequest(method, path string, body []byte, headers ...string) []byte {
	text := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path)
	for _, header := range headers {
		text = append(text, header+"\r\n"...)
	}
	if body != nil {
		text = fmt.Appendf(text, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return append(append(text, "\r\n"...), body...)
}

func get(path string, headers ...string) []byte {
	return newRequest(http.MethodGet, path, nil, headers...)
}

// bearer returns the header with an access token.
func bearer(token string) string { return "Authorization: Bearer " + token }

// readLoad sends requests of several clients for a duration, each client one after the other,
// and returns the rate, and the latencies in milliseconds. A status other than 200 is an error.
func readLoad(
	ctx context.Context, address string, clients int, duration time.Duration, next func() []byte,
) (rate float64, latencies []float64, err error) {
	all, errs := make([][]float64, clients), make([]error, clients)
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var working sync.WaitGroup
	for i := range clients {
		working.Go(func() {
			w := &wire{address: address}
			for ctx.Err() == nil && errs[i] == nil {
				var took float64
				took, errs[i] = w.read(next())
				all[i] = append(all[i], took)
			}
			errs[i] = errors.Join(errs[i], w.close())
		})
	}
	working.Wait()
	for i := range all {
		latencies = append(latencies, all[i]...)
	}
	return float64(len(latencies)) / time.Since(begin).Seconds(), latencies, errors.Join(errs...)
}

// read sends a request and returns its latency in milliseconds.
func (w *wire) read(request []byte) (took float64, err error) {
	begin := time.Now()
	got, err := w.send(request)
	if err != nil {
		return 0, err
	}
	if got.status != http.StatusOK {
		line, _, _ := strings.Cut(string(request), "\r\n")
		return 0, fmt.Errorf("%s: status %d: %.200s", line, got.status, got.body)
	}
	return milliseconds(time.Since(begin)), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
