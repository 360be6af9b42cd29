package function

import (
	"cmp"
	"errors"

	"souk/shared/profile"
)

// checkProfile refuses profiles anywhere but on a local machine: they contain data of the
// process, and cost CPU.
func (s settings) checkProfile() error {
	if s.ProfileDir != "" && (s.onCloudRun() || !s.LocalOnly) {
		return errors.New("PROFILE_DIR is for a local system, with LOCAL_ONLY=true: unset it")
	}
	return nil
}

// startProfile profiles the process until stop, with PROFILE_DIR.
func (s settings) startProfile(service string) (stop func() error, err error) {
	return profile.Start(s.ProfileDir, cmp.Or(s.Target, service))
}
