package e2e_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"souk/functions/order"
)

// inspected is the output of `docker inspect` for a container.
type inspected struct {
	Config struct {
		User, Image string
		Env         []string
		Labels      map[string]string
	}
	HostConfig struct {
		ReadonlyRootfs, Privileged bool
		CapDrop, CapAdd            []string
		SecurityOpt                []string
		Memory                     int64
		RestartPolicy              struct{ Name string }
		PortBindings               map[string][]map[string]string
	}
}

// requireConfined checks the restrictions of every container, with any image.
func (i inspected) requireConfined(t *testing.T) {
	t.Helper()
	h := i.HostConfig
	if !slices.Equal(h.CapDrop, []string{"ALL"}) || len(h.CapAdd) > 0 || h.Privileged {
		t.Errorf("capabilities: dropped %v, added %v", h.CapDrop, h.CapAdd)
	}
	if !slices.Contains(h.SecurityOpt, "no-new-privileges:true") {
		t.Errorf("security options: %v", h.SecurityOpt)
	}
	if h.Memory == 0 {
		t.Error("its memory has no limit")
	}
	for port, bindings := range h.PortBindings {
		for _, binding := range bindings {
			if binding["HostIp"] != "127.0.0.1" {
				t.Errorf("port %s is open to %s", port, binding["HostIp"])
			}
		}
	}
	for _, variable := range i.Config.Env {
		if name, value, _ := strings.Cut(variable, "="); value != "" && strings.Contains(name, "PASSWORD") && !strings.HasSuffix(name, "_FILE") {
			t.Errorf("the configuration of the container has %s", name)
		}
	}
}

// requireSoukImage checks the restrictions of containers with an image of Souk.
func (i inspected) requireSoukImage(t *testing.T) {
	t.Helper()
	if i.Config.User != "65532:65532" {
		t.Errorf("it runs as %q", i.Config.User)
	}
	if !i.HostConfig.ReadonlyRootfs {
		t.Error("it may write to its image")
	}
	for _, label := range []string{"title", "description", "licenses", "revision"} {
		if i.Config.Labels["org.opencontainers.image."+label] == "" {
			t.Errorf("the image has no label %s", label)
		}
	}
}

// toMiB parses the first value of "5.5MiB / 128MiB".
func toMiB(usage string) (float64, error) {
	text, _, _ := strings.Cut(usage, " ")
	for unit, size := range map[string]float64{"KiB": 1.0 / 1024, "MiB": 1, "GiB": 1024} {
		if number, found := strings.CutSuffix(text, unit); found {
			value, err := strconv.ParseFloat(number, 64)
			return value * size, err
		}
	}
	return 0, fmt.Errorf("read the memory of %q", usage)
}

// orderCount returns the number of orders in all states.
func orderCount(byStatus map[order.Status][]order.Order) int {
	sum := 0
	for _, orders := range byStatus {
		sum += len(orders)
	}
	return sum
}
