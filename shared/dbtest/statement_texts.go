package dbtest

import (
	"encoding/binary"
	"sync"
)

// First bytes of packets with a command, see
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase_ps.html.
const (
	comPrepare = 0x16
	comExecute = 0x17
)

// statementTexts has the texts of the prepared statements of a connection, by their number.
type statementTexts struct {
	mu        sync.Mutex
	texts     map[uint32]string
	preparing string // the statement whose number the next response has; "" for none
}

// command returns the statement that a command runs, or "". The text of a prepared statement has
// placeholders for its arguments.
func (s *statementTexts) command(payload []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preparing = ""
	switch {
	case len(payload) > 1 && payload[0] == comQuery:
		return string(payload[1:])
	case len(payload) > 1 && payload[0] == comPrepare:
		s.preparing = string(payload[1:])
	case len(payload) >= 5 && payload[0] == comExecute:
		return s.texts[binary.LittleEndian.Uint32(payload[1:])]
	}
	return ""
}

// response reads the beginning of a response.
func (s *statementTexts) response(packet []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const header, ok = 4, 0
	if s.preparing == "" || len(packet) < header+5 || packet[header] != ok {
		return
	}
	if s.texts == nil {
		s.texts = map[uint32]string{}
	}
	s.texts[binary.LittleEndian.Uint32(packet[header+1:])] = s.preparing
	s.preparing = ""
}
