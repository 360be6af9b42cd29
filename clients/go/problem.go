package souk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is an error response of the shop (RFC 9457).
type Problem struct {
	Status int `json:"status"`
	// Code is the error, for programs. A response of a proxy has the code http_STATUS.
	Code string `json:"code"`
	// Detail describes the error and how to fix it.
	Detail string `json:"detail"`
	// Errors are the errors of the input, at most the first 20.
	Errors []FieldError `json:"errors"`
	// Current is the resource as it is now, for a request that expected another state of it.
	Current json.RawMessage `json:"current"`
	// Challenge continues an operation that is not complete: a sign-in, by ConfirmSignIn, if the code is
	// second_factor_required.
	Challenge string `json:"challenge"`
	// TraceID is the trace of the request: include it in support requests.
	TraceID string `json:"traceId"`
	// RetryAfter is the time after which the request may be sent again, 0 if the shop names none.
	RetryAfter time.Duration `json:"-"`
}

// FieldError is an error of the input.
type FieldError struct {
	// Location is the path of the value, such as body.items[0].quantity.
	Location string `json:"location"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// Error implements error.
func (p *Problem) Error() string {
	text := fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail)
	for _, e := range p.Errors {
		text += fmt.Sprintf("; %s %s", e.Location, e.Message)
	}
	return text
}

// Field returns the error at a location such as body.email, or below it.
func (p *Problem) Field(location string) (FieldError, bool) {
	for _, e := range p.Errors {
		if after, found := strings.CutPrefix(e.Location, location); found && (after == "" || after[0] == '.' || after[0] == '[') {
			return e, true
		}
	}
	return FieldError{}, false
}

// HasCode reports whether an error is a problem with a code, such as checkout_changed.
func HasCode(err error, code string) bool {
	p, isProblem := errors.AsType[*Problem](err)
	return isProblem && p.Code == code
}

// maxProblem is the maximum size of a problem in bytes: of larger ones only the status is read.
const maxProblem = 1 << 20

// readProblem returns the error of a response, whose body it reads and closes.
func readProblem(response *http.Response) *Problem {
	defer response.Body.Close()
	p := &Problem{}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/problem+json") {
		body, err := io.ReadAll(io.LimitReader(response.Body, maxProblem))
		if err != nil || json.Unmarshal(body, p) != nil {
			*p = Problem{} // an incomplete response
		}
	}
	p.Status = response.StatusCode
	if p.Code == "" {
		p.Code = "http_" + strconv.Itoa(response.StatusCode)
	}
	if p.Detail == "" {
		p.Detail = http.StatusText(response.StatusCode)
	}
	if p.TraceID == "" {
		p.TraceID = response.Header.Get("Trace-Id")
	}
	p.RetryAfter = retryAfter(response, time.Now())
	return p
}

// hasCode reports whether a response is a problem with a code. The body can be read again.
func hasCode(response *http.Response, code string) bool {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	_ = response.Body.Close() // it is replaced by what was read
	response.Body = io.NopCloser(bytes.NewReader(body))
	var p Problem
	return err == nil && json.Unmarshal(body, &p) == nil && p.Code == code
}

// retryAfter returns the time of Retry-After, 0 if there is none: seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(response *http.Response, now time.Time) time.Duration {
	value := response.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
