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

// SecretsDir is the variable with the path of the folder of secrets that is mounted into a
// container, such as /run/secrets.
const SecretsDir = "SECRETS_DIR"

var variable = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// WithSecretFiles returns e with, if SECRETS_DIR is set, a variable for each file in that
// folder and its subfolders whose name is valid for a variable. The value is the file's content
// without a final newline. A variable that is already set is not changed. With such files a
// secret is not part of the description of a container, which more people can read.
func (e Environment) WithSecretFiles() (Environment, error) {
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
