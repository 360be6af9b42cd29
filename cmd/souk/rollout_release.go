package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"souk/cmd/souk/internal/rollout"
	"souk/functions"
)

func (p *program) rolloutPack() *cobra.Command {
	var images, commit string
	command := &cobra.Command{
		Use:     "pack",
		Short:   "Print the release of a build",
		Long:    "Print the release of a build: its commit, its images by digest and the list of functions. The last step of cloudbuild.yaml runs this command.",
		Example: "  souk rollout pack --images bin/images --commit $COMMIT_SHA",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			file, err := os.Open(images)
			if err != nil {
				return fmt.Errorf("read the images: %w", err)
			}
			defer file.Close()
			r, err := rollout.Pack(file, commit, functions.Manifest())
			return p.printRelease(r, err)
		},
	}
	command.Flags().StringVar(&images, "images", "bin/images", "the list that deploy/images wrote")
	command.Flags().StringVar(&commit, "commit", "", "the commit")
	return command
}

func (p *program) rolloutAccept() *cobra.Command {
	var source rollout.Source
	command := &cobra.Command{
		Use:   "accept",
		Short: "Print the release of a build if it may be deployed",
		Long: `Read the description of a build from stdin and print its release if the build succeeded
and belongs to the trigger and the branch. Without --trigger, every successful build is
accepted.`,
		Example: "  gcloud builds describe BUILD --region=europe-west1 --format=json | souk rollout accept --repository europe-west1-docker.pkg.dev/my-souk-dev/souk",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			r, err := rollout.Accept(command.InOrStdin(), source)
			return p.printRelease(r, err)
		},
	}
	flags := command.Flags()
	flags.StringVar(&source.Trigger, "trigger", "", "id of the trigger that builds the branch")
	flags.StringVar(&source.Branch, "branch", "main", "branch of the build")
	flags.StringVar(&source.Repository, "repository", "", "repository that must contain the images")
	return command
}

func (p *program) rolloutPromote() *cobra.Command {
	var from, to string
	command := &cobra.Command{
		Use:     "promote",
		Short:   "Print a release with its images in another repository",
		Long:    "Read a release from stdin and print it with the same digests in the repository of another environment.",
		Example: "  souk rollout promote --from europe-west1-docker.pkg.dev/my-souk-dev/souk --to europe-west1-docker.pkg.dev/my-souk-prod/souk <release.json",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			r, err := rollout.ReadRelease(command.InOrStdin())
			if err == nil {
				err = r.From(from)
			}
			return p.printRelease(r.In(to), err)
		},
	}
	command.Flags().StringVar(&from, "from", "", "repository that must contain the images")
	command.Flags().StringVar(&to, "to", "", "where they are copied to")
	return command
}

func (p *program) rolloutImages() *cobra.Command {
	return &cobra.Command{
		Use:     "images",
		Short:   "List the images of a release",
		Long:    "Read a release from stdin and print a line for each image: its service, its name by digest, and the digest of the index with its attestations.",
		Example: "  souk rollout images <release.json >bin/images",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			r, err := rollout.ReadRelease(command.InOrStdin())
			if err != nil {
				return err
			}
			return r.WriteImages(p.stdout)
		},
	}
}

// printRelease prints a release, unless there is an error.
func (p *program) printRelease(r rollout.Release, err error) error {
	if err != nil {
		return err
	}
	return json.NewEncoder(p.stdout).Encode(r)
}

// releaseRuns returns the Cloud Run services of a release in a file, or of this
// program's own list of functions.
func releaseRuns(path, granularity string) ([]rollout.Run, error) {
	if path == "" {
		return rollout.Runs(functions.Manifest(), granularity), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a release: %w", err)
	}
	defer file.Close()
	r, err := rollout.ReadRelease(file)
	if err != nil {
		return nil, err
	}
	return rollout.Runs(r.Manifest(), granularity), nil
}
