package mysql

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeCommands sets a PATH with only the given shell scripts, as on a machine without
// servers. Each script appends its arguments to the file calls.
func fakeCommands(t *testing.T, scripts map[string]string) (calls string) {
	t.Helper()
	folder := t.TempDir()
	calls = filepath.Join(folder, "calls")
	for name, script := range scripts {
		text := "#!/bin/sh\necho " + name + " \"$@\" >> " + calls + "\n" + script + "\n"
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder)
	elsewhere := systemFolders
	systemFolders = nil
	t.Cleanup(func() { systemFolders = elsewhere })
	return calls
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

const (
	oldMySQL   = `echo "mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL Community Server (GPL))"`
	newMySQL   = `echo "/usr/sbin/mysqld  Ver 9.7.4-2 for debian-linux-gnu on x86_64 ((Debian))"`
	newMariaDB = `echo "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"`
)

func TestFindProgram(t *testing.T) {
	for _, tc := range []struct {
		name    string
		scripts map[string]string
		creator maker
		want    string // kind and version, or nothing
	}{
		{"none", nil, maker{}, ""},
		{"an old server is skipped", map[string]string{"mysqld": oldMySQL}, maker{}, ""},
		{"a broken server is skipped", map[string]string{"mysqld": "exit 127"}, maker{}, ""},
		{"MySQL is found", map[string]string{"mysqld": newMySQL}, maker{}, "MySQL 9.7.4"},
		{"MariaDB is found by MySQL's name", map[string]string{"mysqld": newMariaDB}, maker{}, "MariaDB 10.11.19"},
		{"the kind that created the data is preferred", map[string]string{"mariadbd": newMariaDB, "mysqld": newMySQL}, maker{Kind: "MySQL"}, "MySQL 9.7.4"},
		{"a newer server after an old one is found", map[string]string{"mariadbd": oldMySQL, "mysqld": newMySQL}, maker{}, "MySQL 9.7.4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fakeCommands(t, tc.scripts)
			found, err := findProgram(t.Context(), Options{}, tc.creator)
			switch {
			case tc.want == "" && !errors.Is(err, ErrNoServer):
				t.Errorf("got %v, error %v; want ErrNoServer", found, err)
			case tc.want != "" && (err != nil || found.String() != tc.want):
				t.Errorf("got %v, error %v; want %s", found, err, tc.want)
			}
		})
	}
}

func TestNoServerAtAll(t *testing.T) {
	fakeCommands(t, map[string]string{"docker": "echo 'Cannot connect to the Docker daemon' >&2; exit 1"})
	_, err := Start(t.Context(), Options{StateDir: t.TempDir(), NoInstall: true})
	for _, want := range []string{"no MySQL or MariaDB server", "apt-get install", "Docker", "DATABASE_URL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want one with %q", err, want)
		}
	}
}

func TestInstall(t *testing.T) {
	t.Run("install fetches missing package lists", func(t *testing.T) {
		lists := filepath.Join(t.TempDir(), "lists")
		calls := fakeCommands(t, map[string]string{"apt-get": `
			case "$1" in
			update) echo "Get:1 lists"; : > ` + lists + ` ;;
			install) [ -e ` + lists + ` ] || { echo "E: Unable to locate package"; exit 100; }; echo "Setting up it" ;;
			esac`})
		var lines []string
		err := install(t.Context(), Options{Progress: func(line string) { lines = append(lines, line) }})
		if err != nil {
			t.Fatal(err)
		}
		got := mustRead(t, calls)
		if !strings.Contains(got, "apt-get update\n") ||
			!strings.HasSuffix(got, "apt-get install --yes --no-install-recommends --no-remove --option DPkg::Lock::Timeout=120 mariadb-server-core mariadb-client-core\n") {
			t.Errorf("calls:\n%s", got)
		}
		if all := strings.Join(lines, "\n"); !strings.Contains(all, "Get:1 lists") || !strings.Contains(all, "Setting up it") {
			t.Errorf("progress:\n%s", all)
		}
	})
	t.Run("the error includes apt-get's output", func(t *testing.T) {
		fakeCommands(t, map[string]string{"apt-get": `
			case "$*" in
			*--simulate*) ;;
			*) echo "E: No space left on device" >&2; exit 100 ;;
			esac`})
		err := install(t.Context(), Options{})
		if err == nil || !strings.Contains(err.Error(), "E: No space left") || !strings.Contains(err.Error(), "the disk is full: delete files") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a missing package is an error", func(t *testing.T) {
		fakeCommands(t, map[string]string{"apt-get": `[ "$1" = update ]`})
		err := install(t.Context(), Options{})
		if err == nil || !strings.Contains(err.Error(), "has no package") {
			t.Errorf("got %v", err)
		}
	})
}

// TestDockerFails starts a container that never responds. The success case needs a Docker
// engine.
func TestDockerFails(t *testing.T) {
	running := filepath.Join(t.TempDir(), "running")
	calls := fakeCommands(t, map[string]string{"docker": `
		case "$1" in
		version) echo 28 ;;
		run) echo "password ${#MYSQL_ROOT_PASSWORD}" >> ` + running + ` ;;
		ps) [ -e ` + running + ` ] && echo 4f2a ;;
		logs) echo "Disk is full writing" ;;
		stop) /bin/rm ` + running + ` ;;
		esac; true`})
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := Start(ctx, Options{StateDir: dir, NoInstall: true})
	if err == nil || !strings.Contains(err.Error(), "Disk is full writing") || !strings.Contains(err.Error(), "What to do") {
		t.Errorf("error = %v, want one with the container's log and advice", err)
	}
	got := mustRead(t, calls)
	if !strings.Contains(got, "mysql:8.4") || !strings.Contains(got, "--publish 127.0.0.1:") || !strings.Contains(got, "docker stop") {
		t.Errorf("calls:\n%s", got)
	}
	password := strings.TrimSpace(mustRead(t, filepath.Join(dir, "mysql", passwordFile)))
	if strings.Contains(got, password) {
		t.Error("the password is an argument of a command, visible to all users")
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	for log, want := range map[string]string{
		"[ERROR] InnoDB: Write to file ./ibdata1 failed: No space left on device": "disk is full",
		"[ERROR] InnoDB: Unable to lock ./ibdata1 error: 11":                      "another server is using this data folder",
		"[Note] ready for connections":                                            "",
	} {
		if got := hintFor(log); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("hint for %q = %q, want %q", log, got, want)
		}
	}
	if taken := isPortTaken("[ERROR] Can't start server: Bind on TCP/IP port. Got error: 98: Address already in use"); !taken {
		t.Error("a port in use is not detected")
	}
}
