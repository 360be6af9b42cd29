package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"souk/functions"
)

// functionTag is the tag of the programs of services, and rareLibraries are compiled without
// inlining, both as in functions/Dockerfile.
const functionTag = "nethttpomithttp2"

var rareLibraries = []string{
	"cloud.google.com", "codeberg.org/go-pdf", "encoding/gob", "encoding/xml", "github.com/cloudevents", "github.com/go-jose",
	"github.com/google", "github.com/googleapis", "github.com/json-iterator", "github.com/modern-go", "github.com/stripe",
	"github.com/wneessen", "go.opencensus.io", "go.opentelemetry.io/contrib", "go.opentelemetry.io/otel/exporters",
	"go.opentelemetry.io/otel/sdk", "go.uber.org", "golang.org/x/oauth2", "golang.org/x/text", "google.golang.org/api",
	"google.golang.org/genproto", "html/template", "net/rpc", "regexp", "text/template",
}

// services are those of this commit; its base may lack some.
var services = functions.Manifest().Services()

// side is one commit of the shop: its programs, and the folder of its system.
type side struct {
	// name is souk or base; it is the prefix of its databases, too.
	name string
	bin  string
	// state is the state folder of its system.
	state string
	// payments requires that orders are paid.
	payments bool
}

func (s side) program(name string) string { return filepath.Join(s.bin, name) }

// buildSides builds this commit and, with a base, that one.
func buildSides(ctx context.Context, o options, folder string) ([]side, error) {
	ours := side{name: souk, bin: filepath.Join(folder, souk), state: filepath.Join(folder, souk+"-state")}
	if err := ours.build(ctx, o.root, o.tags); err != nil {
		return nil, err
	}
	if o.base == "" {
		return []side{ours}, nil
	}
	theirs := side{name: base, bin: filepath.Join(folder, base), state: filepath.Join(folder, base+"-state")}
	err := withWorktree(ctx, o.root, o.base, filepath.Join(folder, "worktree"), func(source string) error {
		return theirs.build(ctx, source, o.tags)
	})
	return []side{ours, theirs}, err
}

// withWorktree checks a commit out in a folder for as long as do needs it.
func withWorktree(ctx context.Context, root, commit, folder string, do func(source string) error) (err error) {
	if _, err := git(ctx, root, "worktree", "add", "--detach", folder, commit); err != nil {
		return err
	}
	defer func() {
		_, removeErr := git(context.WithoutCancel(ctx), root, "worktree", "remove", "--force", folder)
		err = errors.Join(err, removeErr)
	}()
	return do(folder)
}

// build builds the programs with the flags of the cloud build.
func (s side) build(ctx context.Context, source, tags string) error {
	packages := map[string]string{"souk": "./cmd/souk"}
	for _, service := range services {
		path := "./functions/" + service + "/cmd"
		if _, err := os.Stat(filepath.Join(source, path)); err == nil {
			packages[service] = path
		}
	}
	for name, path := range packages {
		args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", s.program(name)}
		if name == "souk" {
			args = append(args, "-tags="+tags)
		} else {
			args = append(args, "-tags="+tags+","+functionTag)
			for _, library := range rareLibraries {
				args = append(args, "-gcflags="+library+"/...=-l")
			}
		}
		build := exec.CommandContext(ctx, "go", append(args, path)...)
		build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s of %s: %w\n%s", name, s.name, err, out)
		}
	}
	return nil
}
