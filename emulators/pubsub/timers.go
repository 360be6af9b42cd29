package pubsub

// timers is a heap of deliveries ordered by due time, then by publication, so that
// messages that become due together are sent in the order they were published.
type timers []*delivery

func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	if !t[i].due.Equal(t[j].due) {
		return t[i].due.Before(t[j].due)
	}
	return older(t[i], t[j])
}

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].position, t[j].position = i, j
}

func (t *timers) Push(x any) {
	d := x.(*delivery)
	d.position = len(*t)
	*t = append(*t, d)
}

func (t *timers) Pop() any {
	old := *t
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	d.position = -1
	return d
}
