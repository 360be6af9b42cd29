package main

import (
	"os"

	"golang.org/x/term"
)

// The few ways in which text stands out. Nothing depends on colour alone.
const (
	styleReset = "\x1b[0m"
	styleBold  = "\x1b[1m"
	styleDim   = "\x1b[2m"
	styleRed   = "\x1b[31m"
	styleGreen = "\x1b[32m"
)

func (p *program) bold(text string) string  { return p.style(styleBold, text) }
func (p *program) dim(text string) string   { return p.style(styleDim, text) }
func (p *program) red(text string) string   { return p.style(styleRed, text) }
func (p *program) green(text string) string { return p.style(styleGreen, text) }

// style colours messages where a person sees them: on a terminal, unless NO_COLOR
// says otherwise (https://no-color.org) or the terminal knows no colours.
func (p *program) style(style, text string) string {
	file, isFile := p.stderr.(*os.File)
	if !isFile || p.getenv("NO_COLOR") != "" || p.getenv("TERM") == "dumb" || !term.IsTerminal(int(file.Fd())) {
		return text
	}
	return style + text + styleReset
}
