package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"strings"
)

// SecretsDir is the variable that names a folder of secrets, which a container
// has mounted: /run/secrets.
const SecretsDir = "SECRETS_DIR"

var variable = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// WithSecrets returns e and, if SECRETS_DIR is set, a variable for each file in
// that folder and those below whose name can be one: the file's name is the
// variable's, its content, without a final newline, the value. A variable that is
// set already keeps its value. So a secret need not stand in what describes a container, where everyone
// who may look at it reads it.
func (e Environment) WithSecrets() (Environment, error) {
	dir := e[SecretsDir]
	if dir == "" {
		return e, nil
	}
	with := maps.Clone(e)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read the secrets of %s=%s: %w", SecretsDir, dir, err)
	}
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if _, set := with[entry.Name()]; set || !variable.MatchString(entry.Name()) {
			return nil
		}
		text, err := fs.ReadFile(root.FS(), path)
		if err != nil {
			return err
		}
		with[entry.Name()] = strings.TrimSuffix(string(text), "\n")
		return nil
	})
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, fmt.Errorf("read the secrets of %s=%s: %w", SecretsDir, dir, err)
	}
	return with, nil
}
