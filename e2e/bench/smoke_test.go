package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMain serves as the floor, too: the bench starts its own program for it.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "floor" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestSmoke measures reads, orders and payments with few clients and one short round.
func TestSmoke(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"mariadbd", "/usr/sbin/mariadbd", "mysqld", "/usr/sbin/mysqld"} {
		if _, err := exec.LookPath(program); err == nil {
			smoke(t)
			return
		}
	}
	t.Skip("this test needs a database server program")
}

func smoke(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.json")
	var table bytes.Buffer
	err := run(t.Context(), []string{
		"-root=../..", "-state=" + t.TempDir(), "-bench=get,orders,pay", "-rounds=1",
		"-round=200ms", "-clients=2", "-tags=", "-json=" + path,
	}, &table)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, w := range got.Works {
		for _, f := range w.Figures {
			if len(f.Rounds[souk]) != 1 {
				t.Errorf("%s: %s has %d values of souk, want 1", w.Name, f.Name, len(f.Rounds[souk]))
			}
			if f.Name == "rate" && (f.Medians[souk] <= 0 || len(f.Rounds[floor]) != 1) {
				t.Errorf("%s: rate = %v, want more than 0, and a floor", w.Name, f.Medians)
			}
		}
	}
	if len(got.Works) != 3 || table.Len() == 0 {
		t.Errorf("%d works, table %q; want 3", len(got.Works), table.String())
	}
}
