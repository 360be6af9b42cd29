package search

// term is a word of a search, or the beginning of a word.
type term struct {
	word     string
	isPrefix bool
}

// table returns the table that has the products with the term.
func (t term) table() string {
	if t.isPrefix {
		return `product_prefix`
	}
	return `product_word`
}

// parts returns the terms of the parts of a search. The products of the first part have all words.
// Those of the second part have a word that begins like the last one in its place. No product is in
// both: see Document.Prefixes.
func (f Query) parts() [][]term {
	words := make([]term, len(f.Words))
	for i, word := range f.Words {
		words[i] = term{word: word}
	}
	if f.Prefix == "" {
		return [][]term{words}
	}
	last := len(words) - 1
	return [][]term{words, append(words[:last:last], term{f.Prefix, true})}
}

// allTerms returns the terms of all parts.
func (f Query) allTerms() []term {
	parts := f.parts()
	terms := parts[0]
	for _, part := range parts[1:] {
		terms = append(terms, part[len(part)-1])
	}
	return terms
}
