package rollout

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"souk/shared/manifest"
)

// Release is what one build made of one commit: data that passes from the identity that
// builds to the one that deploys, and from dev to prod. A deployment runs none of the
// commit's code but the images.
type Release struct {
	Commit string `json:"commit"`
	// Images are those of every service, and of souk, by the service's name.
	Images    map[string]Image  `json:"images"`
	Functions []ReleaseFunction `json:"functions"`
}

// Image is an image of a release.
type Image struct {
	// Name is REPOSITORY/SERVICE@DIGEST. The same source has the same digest.
	Name string `json:"name"`
	// Index is the digest of the index that holds the image, its SBOM and its
	// provenance; it differs from build to build.
	Index string `json:"index"`
}

// ReleaseFunction is what a rollout reads of an entry of functions.yaml.
type ReleaseFunction struct {
	Name    string `json:"name"`
	Service string `json:"service"`
	HTTP    string `json:"http,omitempty"`
}

var (
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	imagePattern  = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$`)
	digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Pack returns the release of a commit. images has a line for each image: the
// service's name, the image and the digest of its index.
func Pack(images io.Reader, commit string, list *manifest.Manifest) (Release, error) {
	r := Release{Commit: commit, Images: map[string]Image{}}
	lines := bufio.NewScanner(images)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) != 3 {
			return Release{}, fmt.Errorf("pack a release: %q is not SERVICE IMAGE INDEX", lines.Text())
		}
		r.Images[words[0]] = Image{Name: words[1], Index: words[2]}
	}
	if err := lines.Err(); err != nil {
		return Release{}, fmt.Errorf("pack a release: %w", err)
	}
	for _, f := range list.Functions {
		r.Functions = append(r.Functions, ReleaseFunction{Name: f.Name, Service: f.Service, HTTP: f.HTTP})
	}
	return r, r.check()
}

// ReadRelease reads and checks a release.
func ReadRelease(from io.Reader) (Release, error) {
	var r Release
	if err := json.NewDecoder(from).Decode(&r); err != nil {
		return Release{}, fmt.Errorf("read a release: %w", err)
	}
	return r, r.check()
}

// check reports what a script could not handle: names end up in its command lines.
func (r Release) check() error {
	var errs []error
	if !commitPattern.MatchString(r.Commit) {
		errs = append(errs, fmt.Errorf("%q is no commit", r.Commit))
	}
	needed := []string{"souk"}
	for _, f := range r.Functions {
		if !namePattern.MatchString(f.Name) || !namePattern.MatchString(f.Service) {
			errs = append(errs, fmt.Errorf("%q of service %q is no function", f.Name, f.Service))
		}
		needed = append(needed, f.Service)
	}
	if len(r.Functions) == 0 {
		errs = append(errs, errors.New("there are no functions"))
	}
	for _, service := range slices.Compact(slices.Sorted(slices.Values(needed))) {
		if _, found := r.Images[service]; !found {
			errs = append(errs, fmt.Errorf("there is no image of %s", service))
		}
	}
	for service, image := range r.Images {
		if !namePattern.MatchString(service) || !imagePattern.MatchString(image.Name) || !digestPattern.MatchString(image.Index) {
			errs = append(errs, fmt.Errorf("%s: %q with index %q is no image by digest", service, image.Name, image.Index))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the release cannot be used: %w", err)
	}
	return nil
}

// From fails unless all images are in one repository.
func (r Release) From(repository string) error {
	for service, image := range r.Images {
		if name, _, _ := strings.Cut(image.Name, "@"); name != repository+"/"+service {
			return fmt.Errorf("the image of %s is %s, which is not in %s", service, image.Name, repository)
		}
	}
	return nil
}

// In returns the release with the same digests in another repository.
func (r Release) In(repository string) Release {
	images := map[string]Image{}
	for service, image := range r.Images {
		_, digest, _ := strings.Cut(image.Name, "@")
		images[service] = Image{Name: repository + "/" + service + "@" + digest, Index: image.Index}
	}
	r.Images = images
	return r
}

// WriteImages writes a line for each image, as Pack reads them.
func (r Release) WriteImages(to io.Writer) error {
	for _, service := range slices.Sorted(maps.Keys(r.Images)) {
		if _, err := fmt.Fprintln(to, service, r.Images[service].Name, r.Images[service].Index); err != nil {
			return fmt.Errorf("write the images: %w", err)
		}
	}
	return nil
}

// Manifest returns the release's functions as far as a rollout reads them.
func (r Release) Manifest() *manifest.Manifest {
	list := &manifest.Manifest{}
	for _, f := range r.Functions {
		list.Functions = append(list.Functions, manifest.Function{Name: f.Name, Service: f.Service, HTTP: f.HTTP})
	}
	return list
}
