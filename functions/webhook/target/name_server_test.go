package target_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// newNameServer starts a server for names until the test ends, and returns its address. It has an
// address for every name: the next of the list for each query of type A, at last the last one.
func newNameServer(t *testing.T, addresses []string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 512)
		for next := 0; ; {
			n, from, err := conn.ReadFrom(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			response, isA := respond(buffer[:n], netip.MustParseAddr(addresses[min(next, len(addresses)-1)]))
			if isA {
				next++
			}
			_, _ = conn.WriteTo(response, from)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return conn.LocalAddr().String()
}

// respond returns the response to a query, and reports whether it has the address.
func respond(query []byte, address netip.Addr) ([]byte, bool) {
	var message dnsmessage.Message
	if err := message.Unpack(query); err != nil || len(message.Questions) != 1 {
		return nil, false
	}
	message.Response, message.RecursionAvailable = true, true
	message.Additionals = nil
	question := message.Questions[0]
	isA := question.Type == dnsmessage.TypeA
	if isA {
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	response, err := message.Pack()
	if err != nil {
		return nil, false
	}
	return response, isA
}
