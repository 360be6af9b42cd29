package compose_test

import (
	"strings"
	"testing"

	"souk/emulators/compose"
	"souk/functions"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	const file = "services:\n  mysql: {}\n  # BEGIN functions, written by `make generate`\n  old: {}\n  # END functions\nvolumes:\n"
	updated, err := compose.Update([]byte(file), functions.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	text := string(updated)
	if strings.Contains(text, "old") || !strings.HasPrefix(text, "services:\n  mysql: {}\n") || !strings.HasSuffix(text, "  # END functions\nvolumes:\n") {
		t.Errorf("got %s", text)
	}
	for _, f := range functions.Manifest().Functions {
		if strings.Count(text, "\n  "+f.Name+":\n") != 1 {
			t.Errorf("%s is not there once", f.Name)
		}
	}
	again, err := compose.Update(updated, functions.Manifest())
	if err != nil || string(again) != text {
		t.Errorf("a second update changes the file: %v", err)
	}
	if _, err := compose.Update([]byte("services:\n"), functions.Manifest()); err == nil {
		t.Error("a file without the lines around the functions is accepted")
	}
}
