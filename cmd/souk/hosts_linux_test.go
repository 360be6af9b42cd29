package main_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listeners returns the TCP ports on which a process listens.
func listeners(t *testing.T, pid int) []int {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d", pid)
	links, err := filepath.Glob(folder + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	sockets := map[string]bool{}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil { // else it was closed just now
			sockets[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = true
		}
	}
	var ports []int
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(folder + "/net/" + table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			// sl local_address rem_address st … inode: proc_pid_net(5)
			fields := strings.Fields(line)
			if len(fields) < 10 || fields[3] != "0A" || !sockets[fields[9]] {
				continue
			}
			_, port, _ := strings.Cut(fields[1], ":")
			number, err := hex.DecodeString(port)
			if err != nil {
				t.Fatal(err)
			}
			ports = append(ports, int(number[0])<<8|int(number[1]))
		}
	}
	return ports
}

// firstLine sends a request for a host to a port of this machine, and returns the first
// line of what comes back.
func firstLine(t *testing.T, port int, host string) string {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(maxWait)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	// A server that does not understand HTTP may close the connection without a word.
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("port %d: %v", port, err)
	}
	return strings.TrimSpace(line)
}

// TestHosts sends a request for a foreign host name to everything that listens in a
// running system: no part responds as HTTP servers do to pages that read them.
func TestHosts(t *testing.T) {
	t.Parallel()
	stateDir := t.TempDir()
	up := mustForeground(t, stateDir, "--allowed-hosts", "shop.test")
	s := mustStatus(t, stateDir)
	mustList(t, s.Gateway)
	port := func(text string) int {
		at, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.Atoi(at.Port())
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
	others := []int{port(s.Mail.SMTP), port("grpc://" + s.PubSub.Host)} // they do not speak HTTP/1
	http := []int{port(s.Gateway), port(s.Mail.URL)}
	for _, f := range s.Functions {
		http = append(http, port(f.URL))
	}
	found := listeners(t, up.Process.Pid)
	for _, known := range slices.Concat(others, http) {
		if !slices.Contains(found, known) {
			t.Errorf("port %d is not among the listeners %v", known, found)
		}
	}
	for _, port := range found {
		for host, refused := range map[string]bool{"evil.example": true, "127.0.0.1.evil.example:80": true, "127.0.0.1": false, "localhost:80": false, "shop.test": false} {
			line := firstLine(t, port, host)
			switch {
			case slices.Contains(others, port):
				if strings.HasPrefix(line, "HTTP/") {
					t.Errorf("port %d responds to HTTP: %s", port, line)
				}
			case !strings.HasPrefix(line, "HTTP/1.1 "):
				t.Errorf("port %d responds to %s with %q", port, host, line)
			case strings.HasPrefix(line, "HTTP/1.1 421 ") != refused:
				t.Errorf("port %d responds to %s with %s", port, host, line)
			}
		}
	}
}
