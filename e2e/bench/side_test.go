package main

import (
	"os"
	"strings"
	"testing"
)

// TestBuildFlags compares the flags of the programs that are measured with those of the images.
func TestBuildFlags(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../functions/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Join(strings.Fields(strings.ReplaceAll(string(text), "\\\n", " ")), " ")
	for _, want := range []string{
		`rare="` + strings.Join(rareLibraries, " ") + `"`, "container,grpcnotrace," + functionTag, `-ldflags='-s -w'`,
	} {
		if !strings.Contains(fields, want) {
			t.Errorf("functions/Dockerfile does not have %s", want)
		}
	}
}
