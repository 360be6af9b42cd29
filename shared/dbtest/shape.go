package dbtest

import "strings"

// shape returns a statement without its arguments and the length of its lists. It is not
// instrumented: with the race detector it would take a tenth of the time of a test binary.
//
//go:norace
func shape(statement string) string {
	short := make([]byte, 0, min(len(statement), 4096))
	for i := 0; i < len(statement); {
		end := literalEnd(statement, i)
		if end == i {
			short = append(short, statement[i])
			switch statement[i] {
			case '?':
				short = join(short, "?")
			case ')':
				short = join(short, "(?)")
			}
			i++
			continue
		}
		short = join(append(short, '?'), "?")
		i = end
	}
	return string(short)
}

// literalEnd returns the end of the literal at i, or i if there is none: a text, which
// _binary may precede, or a number that is not part of a name.
//
//go:norace
func literalEnd(statement string, i int) int {
	const prefix = "_binary'"
	switch c := statement[i]; {
	case c == '\'':
		return textEnd(statement, i)
	case c == '_' && strings.HasPrefix(statement[i:], prefix):
		quote := i + len(prefix) - 1
		if end := textEnd(statement, quote); end > quote {
			return end
		}
		return i
	case c < '0' || c > '9' || i > 0 && isWord(statement[i-1]):
		return i
	}
	end := i
	for end < len(statement) && statement[end] >= '0' && statement[end] <= '9' {
		end++
	}
	if end < len(statement) && isWord(statement[end]) {
		return i
	}
	return end
}

// textEnd returns the end of the text whose quote is at i, or i if it has no end.
//
//go:norace
func textEnd(statement string, i int) int {
	for end := i + 1; end < len(statement); end++ {
		switch statement[end] {
		case '\\':
			end++
		case '\'':
			return end + 1
		}
	}
	return i
}

//go:norace
func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// join removes the last element of a list unless it is the first.
//
//go:norace
func join(list []byte, element string) []byte {
	text := string(list[max(0, len(list)-2*len(element)-2):])
	for _, separator := range []string{",", ", "} {
		if strings.HasSuffix(text, element+separator+element) {
			return list[:len(list)-len(separator)-len(element)]
		}
	}
	return list
}
