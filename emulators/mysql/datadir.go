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

// unfinished begins the name of a data folder that is being made.
const unfinished = dataFolder + ".new-"

// Free disk space to begin with: for a fresh data folder, what MySQL's and its
// redo log take and some room to work in; for one there is, enough to start.
const (
	spaceForNewData = 500 << 20
	spaceForStart   = 32 << 20
)

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
	if _, err := os.Stat(in.path(dockerFolder)); err == nil {
		return fmt.Errorf("its data is that of a Docker container, in %s, and this machine now has %s: move that folder away to begin with an empty shop, or remove %s to use Docker again",
			in.path(dockerFolder), in.program, in.program.path)
	}
	in.options.progress("Making the database's files with %s (once)", in.program)
	in.removeUnfinished()
	fresh, err := os.MkdirTemp(in.dir, unfinished+"*")
	if err != nil {
		return err
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

// removeUnfinished clears away what killed runs left. It is only tidying: each
// run has a folder of its own, so a leftover is in nobody's way.
func (in *instance) removeUnfinished() {
	leftovers, err := filepath.Glob(in.path(unfinished + "*"))
	for _, folder := range leftovers {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	if err != nil {
		in.options.progress("Could not remove what an interrupted run left: %v", err)
	}
}

func (in *instance) runInitializer(ctx context.Context, fresh string) error {
	path, args, err := in.initializer(fresh)
	if err != nil {
		return err
	}
	logPath := in.path(initLogFile)
	if err := os.Remove(logPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	proc, err := run(path, args, logPath, syscall.SIGKILL)
	if err != nil {
		return err
	}
	in.state.PID = proc.pid
	if err := in.writeState(); err != nil {
		return errors.Join(err, proc.kill())
	}
	select {
	case <-proc.done:
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("make the database's files: %w", context.Cause(ctx)), proc.kill())
	}
	if proc.err == nil {
		return nil
	}
	said, err := os.ReadFile(logPath)
	return errors.Join(fmt.Errorf("make the database's files with %s: %w\n%s%s",
		path, proc.err, lastLines(string(said)), hintFor(string(said))), err)
}

func (in *instance) initializer(fresh string) (path string, args []string, err error) {
	base := in.baseArguments(fresh)
	if in.program.kind == kindMySQL {
		return in.program.path, append(append(base, userArgument("--user")...), "--initialize-insecure", "--secure-file-priv=NULL"), nil
	}
	// The script would change the owner of a folder whose path it splits at blanks: so
	// only the server that it runs understands the option.
	base = append(base, userArgument("--loose-user")...)
	script, err := in.installScript()
	return script, append(base, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"), err
}

// installScript comes with the server, but not always in the same folder.
func (in *instance) installScript() (string, error) {
	path, err := filepath.EvalSymlinks(in.program.path)
	if err != nil {
		return "", err
	}
	prefix := filepath.Dir(filepath.Dir(path))
	for _, name := range []string{"mariadb-install-db", "mysql_install_db"} {
		for _, folder := range []string{"bin", "scripts", "sbin"} {
			script := filepath.Join(prefix, folder, name)
			if _, err := os.Stat(script); err == nil {
				return script, nil
			}
		}
		if script, err := exec.LookPath(name); err == nil {
			return script, nil
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
	need := uint64(spaceForNewData)
	if madeBy(dir).Kind != "" {
		need = spaceForStart
	}
	free := uint64(fs.Bavail) * uint64(fs.Bsize) //nolint:unconvert // the fields' types differ between systems
	if free < need {
		return fmt.Errorf("the disk of %s has %d MB free and the database needs %d MB: free some, or choose another folder with --state-dir",
			dir, free>>20, need>>20)
	}
	return nil
}

// lastLines is the end of a log, logTail lines of it, as an error shows it.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > logTail {
		lines = lines[len(lines)-logTail:]
	}
	return "  " + strings.Join(lines, "\n  ")
}
