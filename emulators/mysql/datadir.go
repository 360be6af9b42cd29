package mysql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// madeByFile is written into the data folder when it is complete.
const madeByFile = "souk-made-by.json"

// spaceForData is what a fresh data folder of MySQL and its redo log take, with
// some room to work in.
const spaceForData = 500 << 20

// maker is the server that initialized a data folder.
type maker struct {
	Kind    string `json:"kind"`
	Version string `json:"version"`
}

// madeBy is zero if there is no data yet.
func madeBy(dir string) maker {
	var m maker
	raw, err := os.ReadFile(filepath.Join(dir, dataFolder, madeByFile))
	if err != nil || json.Unmarshal(raw, &m) != nil {
		return maker{}
	}
	return m
}

// initialize makes the data folder if there is none. It is made under another
// name and renamed when complete: a name says whether it is, even after kill -9.
func (in *instance) initialize(ctx context.Context) error {
	if made := madeBy(in.dir); made.Kind != "" {
		if made.Kind == in.program.kind {
			return nil
		}
		return fmt.Errorf("its data was made by %s %s, which %s cannot read: install %s, or move %s away to begin with an empty shop",
			made.Kind, made.Version, in.program, made.Kind, in.path(dataFolder))
	}
	if _, err := os.Stat(in.path(dataFolder)); err == nil {
		return fmt.Errorf("%s is there but was not made by Souk: move it away", in.path(dataFolder))
	}
	if err := checkSpace(in.dir); err != nil {
		return err
	}
	in.options.progress("Making the database's files with %s (once)", in.program)
	fresh := in.path(dataFolder + ".new")
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("remove what an interrupted run left: %w", err)
	}
	if err := in.runInitializer(ctx, fresh); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	mark, err := json.Marshal(maker{Kind: in.program.kind, Version: in.program.version})
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(fresh, madeByFile), string(mark)+"\n"); err != nil {
		return err
	}
	return os.Rename(fresh, in.path(dataFolder))
}

func (in *instance) runInitializer(ctx context.Context, fresh string) error {
	command, err := in.initializer(ctx, fresh)
	if err != nil {
		return err
	}
	// In a group of its own, so that Ctrl-C reaches it by ctx alone and whatever
	// the script started ends with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	out, err := command.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("make the database's files: %w", context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("make the database's files with %s: %w\n%s%s", command.Path, err, lastLines(string(out), 12), hintFor(string(out)))
	}
	return nil
}

func (in *instance) initializer(ctx context.Context, fresh string) (*exec.Cmd, error) {
	base := in.baseArguments()
	base[1] = "--datadir=" + fresh
	if in.program.kind == kindMySQL {
		if err := os.Mkdir(fresh, 0o700); err != nil {
			return nil, err
		}
		return exec.CommandContext(ctx, in.program.path, append(base, "--initialize-insecure", "--secure-file-priv=NULL")...), nil
	}
	script, err := in.installScript()
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, script, append(base,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")...), nil
}

// installScript comes with the server, but not always in the same folder.
func (in *instance) installScript() (string, error) {
	real, err := filepath.EvalSymlinks(in.program.path)
	if err != nil {
		return "", err
	}
	prefix := filepath.Dir(filepath.Dir(real))
	for _, name := range []string{"mariadb-install-db", "mysql_install_db"} {
		for _, folder := range []string{"bin", "scripts", "sbin"} {
			path := filepath.Join(prefix, folder, name)
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("MariaDB's mariadb-install-db is not beside %s: install the rest of the server's package", in.program.path)
}

// checkSpace tells of a full disk before a server meets it, because then a
// server waits, and says so in its log only.
func checkSpace(dir string) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("look for free disk space in %s: %w", dir, err)
	}
	// The fields' types differ between systems.
	free := uint64(fs.Bavail) * uint64(fs.Bsize) //nolint:unconvert
	if free < spaceForData {
		return fmt.Errorf("the disk of %s has %d MB free and a new database needs %d MB: free some, or choose another folder with --state-dir",
			dir, free>>20, spaceForData>>20)
	}
	return nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return "  " + strings.Join(lines, "\n  ")
}
