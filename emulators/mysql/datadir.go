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

// madeByFile records the server that initialized the data folder. It is written when the
// folder is complete.
const madeByFile = "souk-made-by.json"

// unfinished is the name prefix of a data folder that is being initialized.
const unfinished = dataFolder + ".new-"

// Minimum of free disk space: for a new data folder, the size of MySQL's files and redo
// log with a reserve; for an existing one, enough to start.
const (
	spaceForNewData = 500 << 20
	spaceForStart   = 32 << 20
)

// maker identifies the server that initialized a data folder.
type maker struct {
	Kind    string `json:"kind"`
	Version string `json:"version"`
}

// readMaker returns the maker of the data in dir, zero if it has no data yet.
func readMaker(dir string) maker {
	var m maker
	raw, err := os.ReadFile(filepath.Join(dir, dataFolder, madeByFile))
	if err != nil || json.Unmarshal(raw, &m) != nil {
		return maker{}
	}
	return m
}

// initialize creates the data folder if it is missing. The folder is created under
// another name and renamed when it is complete, so that its name shows whether it is,
// even after kill -9.
func (in *instance) initialize(ctx context.Context) error {
	if creator := readMaker(in.dir); creator.Kind != "" {
		if creator.Kind == in.program.kind {
			return nil
		}
		return fmt.Errorf("its data was created by %s %s, which %s cannot read: install %s, or move %s away to start with an empty shop",
			creator.Kind, creator.Version, in.program, creator.Kind, in.path(dataFolder))
	}
	if _, err := os.Stat(in.path(dataFolder)); err == nil {
		return fmt.Errorf("%s exists but was not created by Souk: move it away", in.path(dataFolder))
	}
	if _, err := os.Stat(in.path(dockerFolder)); err == nil {
		return fmt.Errorf("its data is that of a Docker container, in %s, and this machine now has %s: move that folder away to start with an empty shop, or remove %s to use Docker again",
			in.path(dockerFolder), in.program, in.program.path)
	}
	in.options.progress("Initializing the database with %s (once)", in.program)
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

// removeUnfinished removes the folders of killed runs. Errors are not fatal: each run uses
// a folder of its own.
func (in *instance) removeUnfinished() {
	leftovers, err := filepath.Glob(in.path(unfinished + "*"))
	for _, folder := range leftovers {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	if err != nil {
		in.options.progress("Could not remove the files of an interrupted run: %v", err)
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
		return errors.Join(fmt.Errorf("initialize the database: %w", context.Cause(ctx)), proc.kill())
	}
	if proc.err == nil {
		return nil
	}
	output, err := os.ReadFile(logPath)
	return errors.Join(fmt.Errorf("initialize the database with %s: %w\n%s%s",
		path, proc.err, lastLines(string(output)), hintFor(string(output))), err)
}

func (in *instance) initializer(fresh string) (path string, args []string, err error) {
	base := in.baseArguments(fresh)
	if in.program.kind == kindMySQL {
		return in.program.path, append(append(base, userArgument("--user")...), "--initialize-insecure", "--secure-file-priv=NULL"), nil
	}
	// The script changes the owner of a folder whose path it splits at spaces: with
	// "loose", only the server that it runs interprets the option.
	base = append(base, userArgument("--loose-user")...)
	script, err := in.installScript()
	return script, append(base, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"), err
}

// installScript returns the path of mariadb-install-db, which may be in another folder
// than the server.
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
	return "", fmt.Errorf("mariadb-install-db of %s not found: install the complete package of the server", in.program.path)
}

// checkSpace returns an error if the disk is almost full: a server would wait for free
// space and only log it.
func checkSpace(dir string) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("read the free disk space of %s: %w", dir, err)
	}
	need := uint64(spaceForNewData)
	if readMaker(dir).Kind != "" {
		need = spaceForStart
	}
	free := uint64(fs.Bavail) * uint64(fs.Bsize) //nolint:unconvert // the fields' types differ between systems
	if free < need {
		return fmt.Errorf("the disk of %s has %d MB free and the database needs %d MB: delete files, or choose another folder with --state-dir",
			dir, free>>20, need>>20)
	}
	return nil
}

// lastLines returns the last logTail lines of a log, for an error.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > logTail {
		lines = lines[len(lines)-logTail:]
	}
	return "  " + strings.Join(lines, "\n  ")
}
