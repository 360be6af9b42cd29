package cgroup

// StatFile returns the file with the group's CPU statistics.
func (g *Group) StatFile() string { return g.file(g.cpu, "cpu.stat") }
