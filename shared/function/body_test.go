package function

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestGzipReader(t *testing.T) {
	t.Parallel()
	const limit = 1000
	compressed := func(length int) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := io.Copy(w, strings.NewReader(strings.Repeat("a", length))); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	read := func(encoded []byte) ([]byte, error) {
		return io.ReadAll(&gzipReader{encoded: bytes.NewReader(encoded), limit: limit, remaining: limit})
	}
	for _, length := range []int{0, 1, limit} {
		if got, err := read(compressed(length)); err != nil || len(got) != length {
			t.Errorf("%d bytes: got %d, %v", length, len(got), err)
		}
	}
	for _, length := range []int{limit + 1, 10 << 20} {
		got, err := read(compressed(length))
		tooLarge, ok := errors.AsType[*http.MaxBytesError](err)
		if !ok || tooLarge.Limit != limit || len(got) > limit {
			t.Errorf("%d bytes: got %d, %v", length, len(got), err)
		}
	}
	if _, err := read([]byte("plain text of some length")); !errors.Is(err, gzip.ErrHeader) {
		t.Errorf("without gzip: got %v", err)
	}
	if _, err := read(compressed(limit)[:20]); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a gzip: got %v", err)
	}
}

// TestEncodeBody requires that a checked body is not longer than the body that was sent.
func TestEncodeBody(t *testing.T) {
	t.Parallel()
	sent := `{"name":"` + strings.Repeat("<&>", 100) + `"}`
	got, err := encodeBody(map[string]any{"name": strings.Repeat("<&>", 100)})
	if err != nil || strings.TrimSpace(string(got)) != sent {
		t.Errorf("got %s, %v", got, err)
	}
}
