package api

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// IfMatch is the part of an operation's input that makes a change conditional on the
// version that the caller has read (RFC 9110, section 13.1.1). Conditional refuses
// requests without the header before the operation runs.
type IfMatch struct {
	IfMatch string `header:"If-Match" doc:"The ETag of the version to change, or * for any version." example:"\"3\""`
}

// ETag returns the entity tag of a resource's version. Parts are fields of the response
// that change without a new version, such as the stock of a product: they change the
// tag, so that no cache shows old stock, but Check ignores them.
func ETag(version int64, parts ...int64) string {
	tag := strconv.AppendInt([]byte{'"'}, version, 10)
	for _, part := range parts {
		tag = strconv.AppendInt(append(tag, '.'), part, 10)
	}
	return string(append(tag, '"'))
}

// Check returns a 412 problem unless the header lists an ETag of that version.
func (m IfMatch) Check(version int64) error {
	for candidate := range strings.SplitSeq(m.IfMatch, ",") {
		if candidate = strings.TrimSpace(candidate); candidate == "*" || matchesVersion(candidate, version) {
			return nil
		}
	}
	return NewProblem(http.StatusPreconditionFailed, "version_mismatch",
		"The resource has changed: its version is now %d. Read it again, and send the change with its new ETag.", version)
}

// matchesVersion compares strongly, as RFC 9110, section 13.1.1, requires for If-Match: a weak
// tag matches no version.
func matchesVersion(candidate string, version int64) bool {
	unopened, opened := strings.CutPrefix(candidate, `"`)
	tag, closed := strings.CutSuffix(unopened, `"`)
	tag, _, _ = strings.Cut(tag, ".")
	return opened && closed && tag == strconv.FormatInt(version, 10)
}

// ifMatchForm is the syntax of If-Match: *, or a list of entity tags that may have empty
// elements (RFC 9110, sections 5.6.1, 8.8.3 and 13.1.1).
var ifMatchForm = regexp.MustCompile(`^(?:\*|[ \t,]*` + entityTag + `(?:[ \t]*,[ \t]*(?:` + entityTag + `)?)*)$`)

const entityTag = `(?:W/)?"[\x21\x23-\x7E\x80-\x{10FFFF}]*"`

// Conditional responds to a GET with 304 if If-None-Match lists the ETag of the response,
// and to a PUT, PATCH or DELETE with 428 if it has no If-Match (RFC 6585, section 3), or with
// 400 if that is malformed. It is the only place that does.
func Conditional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = withJoinedLists(r)
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			if wanted := r.Header.Get("If-None-Match"); wanted != "" {
				w = &conditionalWriter{ResponseWriter: w, ifNoneMatch: wanted}
			}
		case http.MethodPut, http.MethodPatch, http.MethodDelete:
			if r.Header.Get("If-Match") == "" {
				NewProblem(http.StatusPreconditionRequired, "precondition_required",
					"Send If-Match with the ETag of the version to change.").Write(w, r)
				return
			}
			if !ifMatchForm.MatchString(strings.TrimSpace(r.Header.Get("If-Match"))) {
				Invalid("header.If-Match", FieldFormat, `must be an ETag with its quotes, such as "3", a list of them, or *`).Write(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// withJoinedLists returns the request with one line for each list header that operations
// read. Several lines mean the same as one that joins them (RFC 9110, section 5.3), but
// code that reads one line would miss the others.
func withJoinedLists(r *http.Request) *http.Request {
	for _, name := range []string{"If-Match", "If-None-Match", "Prefer"} {
		if lines := r.Header.Values(name); len(lines) > 1 {
			r = r.Clone(r.Context())
			r.Header.Set(name, strings.Join(lines, ", "))
		}
	}
	return r
}

// conditionalWriter turns a 200 into a 304 if ifNoneMatch lists its ETag.
type conditionalWriter struct {
	http.ResponseWriter
	ifNoneMatch string
	decided     bool
	notModified bool
}

func (w *conditionalWriter) WriteHeader(status int) {
	w.decided = true
	if status == http.StatusOK && etagListed(w.ifNoneMatch, w.Header().Get("ETag")) {
		w.notModified = true
		status = http.StatusNotModified
		w.Header().Del("Content-Type")
		w.Header().Del("Content-Length")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *conditionalWriter) Write(b []byte) (int, error) {
	if !w.decided {
		w.WriteHeader(http.StatusOK)
	}
	if w.notModified {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap returns the wrapped writer, for http.ResponseController.
func (w *conditionalWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// etagListed reports whether a list of entity tags, or *, matches etag by the weak
// comparison of RFC 9110, section 8.8.3.2.
func etagListed(list, etag string) bool {
	if etag == "" {
		return false
	}
	for candidate := range strings.SplitSeq(list, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}
