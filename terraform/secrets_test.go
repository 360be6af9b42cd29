package terraform_test

import (
	"fmt"
	"regexp"

	"souk/functions"
)

func secretsAreSecret(p plan) (faults []string) {
	secret := map[string]bool{"DATABASE_PASSWORD": true, "DATABASE_URL": true, "SYNTHETIC_PASSWORD": true}
	for _, f := range functions.Manifest().Functions {
		for _, name := range f.Secrets {
			secret[name] = true
		}
	}
	for _, r := range p.PlannedValues.RootModule.Resources {
		path := "template.containers.env"
		if r.Type == "google_cloud_run_v2_job" {
			path = "template." + path
		}
		for _, variable := range r.blocks(path) {
			if name := variable.text("name"); variable.text("value") != "" && secret[name] {
				faults = append(faults, fmt.Sprintf("%s has %s in the open", r.Address, name))
			}
		}
	}
	return faults
}

// secretsArePinned finds secrets that a service or a job reads by another version than a
// number: a new version would reach instances as they start, and no rollout could take it
// back. The number of the password that Terraform adds itself is known after the apply.
func secretsArePinned(p plan) (faults []string) {
	for _, r := range p.PlannedValues.RootModule.Resources {
		at := "template."
		if r.Type == "google_cloud_run_v2_job" {
			at += "template."
		} else if r.Type != "google_cloud_run_v2_service" {
			continue
		}
		references := r.blocks(at + "containers.env.value_source.secret_key_ref")
		for _, volume := range r.blocks(at + "volumes.secret") {
			items := volume.blocks("items")
			if len(items) == 0 { // it is the newest version then
				faults = append(faults, fmt.Sprintf("%s mounts %s without a version", r.Address, volume.text("secret")))
			}
			references = append(references, items...)
		}
		for _, reference := range references {
			version := reference.text("version")
			if !versionNumber.MatchString(version) && (version != "" || r.Address != "google_cloud_run_v2_job.migrate") {
				faults = append(faults, fmt.Sprintf("%s reads version %q of %s", r.Address, version, reference.text("secret")))
			}
		}
	}
	return faults
}

var versionNumber = regexp.MustCompile(`^[1-9][0-9]*$`)
