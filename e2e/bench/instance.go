package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/googleapis/gax-go/v2"

	"souk/shared/database"
)

// poolSize is the number of database connections of a function and of a floor.
const poolSize = 8

// instance is a process that serves on its own port.
type instance struct {
	process *exec.Cmd
	address string
}

// launch starts a program on one CPU, without waiting until it listens.
func launch(program string, args []string, url database.URL, environment ...string) (*instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	process := exec.Command(program, args...) //nolint:noctx // stop ends it
	process.Env = append(environment, "PORT="+port, "GOMAXPROCS=1", "LOCAL_ONLY=true", "SOUK_EMULATOR=1",
		fmt.Sprintf("DATABASE_MAX_OPEN_CONNS=%d", poolSize))
	if url != "" {
		process.Env = append(process.Env, "DATABASE_URL="+string(url))
	}
	if folder := os.Getenv("PROFILE_DIR"); folder != "" {
		process.Env = append(process.Env, "PROFILE_DIR="+folder)
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return &instance{process: process, address: address}, nil
}

// launchFunction starts a function of a side.
func (s side) launchFunction(service, function string, url database.URL, environment ...string) (*instance, error) {
	environment = append(environment, "FUNCTION_TARGET="+function, "K_SERVICE="+function)
	return launch(s.program(service), nil, url, environment...)
}

// launchFloor starts the floor of reads.
func launchFloor(url database.URL) (*instance, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return launch(program, []string{"floor"}, url)
}

// await waits until a request succeeds.
func (i *instance) await(ctx context.Context, request []byte) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	w := &wire{address: i.address}
	for {
		got, err := w.send(request)
		if err == nil && got.status == http.StatusOK {
			return w.close()
		}
		if err == nil {
			return errors.Join(fmt.Errorf("status %d: %.200s", got.status, got.body), w.close())
		}
		if gax.Sleep(ctx, 100*time.Microsecond) != nil {
			return fmt.Errorf("wait for %s: %w", i.process.Path, err)
		}
	}
}

func (i *instance) pid() int { return i.process.Process.Pid }

// stop ends the process as Cloud Run does, and waits for it.
func (i *instance) stop() error {
	if err := i.process.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stop %s: %w", i.process.Path, err)
	}
	var exit *exec.ExitError
	if err := i.process.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}
