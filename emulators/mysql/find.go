package mysql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	kindMySQL   = "MySQL"
	kindMariaDB = "MariaDB"
)

// oldest are the minimum versions that support Souk's SQL.
var oldest = map[string][2]int{kindMySQL: {8, 4}, kindMariaDB: {10, 11}}

// program is the executable of a server.
type program struct {
	path, kind, version string
}

func (p program) String() string { return p.kind + " " + p.version }

// systemFolders are where packages install servers. The PATH of most users lacks some.
var systemFolders = []string{
	"/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/usr/local/mysql/bin",
	"/opt/homebrew/bin", "/opt/homebrew/opt/mysql/bin", "/opt/homebrew/opt/mysql@8.4/bin", "/opt/homebrew/opt/mariadb/bin",
}

// findProgram searches for a server, preferring one of the kind that created the existing
// data. The error is ErrNoServer if none is found.
func findProgram(ctx context.Context, o Options, creator maker) (program, error) {
	if o.Binary != "" {
		return inspect(ctx, o.Binary)
	}
	folders := append(filepath.SplitList(os.Getenv("PATH")), systemFolders...)
	var found []program
	for _, folder := range folders {
		for _, name := range []string{"mariadbd", "mysqld"} {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
				continue
			}
			p, err := inspect(ctx, path)
			if err != nil {
				o.progress("Skipping %v", err)
				continue
			}
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return program{}, ErrNoServer
	}
	if i := slices.IndexFunc(found, func(p program) bool { return p.kind == creator.Kind }); i >= 0 {
		return found[i], nil
	}
	return found[0], nil
}

// versionPattern matches "mysqld  Ver 9.7.4-2 for debian-linux-gnu on x86_64 ((Debian))"
// and "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64".
var versionPattern = regexp.MustCompile(`Ver (\d+)\.(\d+)\.(\d+)\S*`)

// inspect runs the executable at path to determine its kind and version.
func inspect(ctx context.Context, path string) (program, error) {
	out, err := exec.CommandContext(ctx, path, "--no-defaults", "--version").Output()
	if err != nil {
		return program{}, fmt.Errorf("%s: read its version: %w%s", path, err, stderrOf(err))
	}
	match := versionPattern.FindStringSubmatch(string(out))
	if match == nil {
		return program{}, fmt.Errorf("%s: not a version of MySQL or MariaDB: %s", path, strings.TrimSpace(string(out)))
	}
	p := program{path: path, kind: kindMySQL, version: strings.Join(match[1:4], ".")}
	if strings.Contains(string(out), kindMariaDB) {
		p.kind = kindMariaDB
	}
	if err := checkVersion(p.kind, p.version); err != nil {
		return program{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// checkVersion returns an error if a server is too old for Souk's SQL.
func checkVersion(kind, version string) error {
	parts := strings.SplitN(version, ".", 3)
	var got [2]int
	for i := range got {
		if i < len(parts) {
			// A part that is not a number is 0, which is too old.
			got[i], _ = strconv.Atoi(parts[i])
		}
	}
	if least := oldest[kind]; slices.Compare(got[:], least[:]) < 0 {
		return fmt.Errorf("%s %s is too old: Souk needs %s %d.%d or newer", kind, version, kind, least[0], least[1])
	}
	return nil
}

func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return ": " + strings.TrimSpace(string(exit.Stderr))
	}
	return ""
}
