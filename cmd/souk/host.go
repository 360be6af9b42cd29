//go:build !container

package main

import "souk/emulators/local"

// connect returns a client of the system that runs on this machine.
func (p *program) connect() (*local.Client, error) { return local.Connect(p.stateDir) }
