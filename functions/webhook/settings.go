package webhook

import (
	"errors"

	"souk/functions/webhook/target"
)

// settings are the environment variables that only this service uses.
type settings struct {
	// LocalTargets allows endpoints on this machine, with http, for a local system.
	LocalTargets bool `env:"WEBHOOK_LOCAL_TARGETS"`
	// Service is set on Cloud Run, Emulator by its local emulator.
	Service  string `env:"K_SERVICE"`
	Emulator bool   `env:"SOUK_EMULATOR"`
}

func (s settings) validate() error {
	if s.LocalTargets && s.Service != "" && !s.Emulator {
		return errors.New("WEBHOOK_LOCAL_TARGETS is for a local system: unset it on Cloud Run")
	}
	return nil
}

// targets returns which addresses endpoints may have.
func (s settings) targets() target.Policy { return target.Policy{Local: s.LocalTargets} }
