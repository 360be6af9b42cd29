package autoscaler_test

import (
	"testing"
	"time"

	"souk/emulators/cloudrun/autoscaler"
)

// count is the number of instances that start or serve after a number of seconds.
type count struct{ at, want int }

// conformance has, for ten shapes of load, the numbers of instances worked out by hand from
// the documented formula. Unless stated otherwise an instance has a concurrency of 40, of which
// 60 % are 24, and 1 CPU, of which 60 % are 0.6. The first tick is after 5 s; the average over a
// minute counts the time before the load as zero.
var conformance = []struct {
	shape    string
	settings autoscaler.Settings
	load     func(second int) load
	counts   []count
}{{
	// On demand at 5 s: ⌈120/40⌉ = 3. The average after t s is 120·t/60 = 2t, so ⌈2t/24⌉:
	// 35 s ⌈2.9⌉ = 3, 40 s ⌈3.3⌉ = 4, 50 s ⌈4.2⌉ = 5, from 60 s on ⌈120/24⌉ = 5.
	shape:    "a step to 120 requests",
	settings: autoscaler.Settings{Max: 10},
	load:     func(int) load { return load{requests: 120} },
	counts:   []count{{5, 3}, {35, 3}, {40, 4}, {50, 5}, {60, 5}, {3600, 5}},
}, {
	// 2 more each second, up to 240. The average of the last twelve samples is what it was
	// 27.5 s ago, 2t−55: 60 s ⌈65/24⌉ = 3, 90 s ⌈125/24⌉ = 6, 120 s ⌈185/24⌉ = 8, and from
	// 175 s on ⌈240/24⌉ = 10. On demand at 5 s: ⌈10/40⌉ = 1.
	shape:    "a ramp to 240 requests",
	settings: autoscaler.Settings{Max: 20},
	load:     func(second int) load { return load{requests: min(2*second, 240)} },
	counts:   []count{{5, 1}, {60, 3}, {90, 6}, {120, 8}, {175, 10}, {600, 10}},
}, {
	// On demand ⌈400/40⌉ = 10. The average is highest at 30 s: 400·30/60 = 200, ⌈200/24⌉ = 9,
	// so the 10 stay. They are idle from 30 s on, and are stopped 900 s later.
	shape:    "a spike of 400 requests for 30 s",
	settings: autoscaler.Settings{Max: 20},
	load:     during(0, 30, load{requests: 400}),
	counts:   []count{{5, 10}, {30, 10}, {120, 10}, {925, 10}, {930, 0}, {2000, 0}},
}, {
	// 96 requests for a minute, none for the next, and so on. On demand ⌈96/40⌉ = 3; at the end
	// of each minute of load the average is 96, ⌈96/24⌉ = 4. No instance is idle for 15 min.
	shape:    "a sawtooth of minutes",
	settings: autoscaler.Settings{Max: 10},
	load: func(second int) load {
		if (second-1)/60%2 == 0 {
			return load{requests: 96}
		}
		return load{}
	},
	counts: []count{{5, 3}, {45, 3}, {50, 4}, {60, 4}, {120, 4}, {180, 4}, {1200, 4}, {3600, 4}},
}, {
	// One request on average: ⌈1/24⌉ = 1. The last ends at 60 s, 900 s later there is none.
	shape:    "a minute of one request, then none",
	settings: autoscaler.Settings{Max: 10},
	load:     during(0, 60, load{requests: 1}),
	counts:   []count{{5, 1}, {60, 1}, {900, 1}, {955, 1}, {960, 0}, {3600, 0}},
}, {
	// Concurrency 1, of which 60 % are 0.6. On demand ⌈6/1⌉ = 6. The average after t s is
	// 6·t/60 = t/10, so ⌈t/6⌉: 35 s ⌈5.8⌉ = 6, 45 s ⌈7.5⌉ = 8, 55 s ⌈9.2⌉ = 10, then 10.
	shape:    "six slow requests at a time, concurrency 1",
	settings: autoscaler.Settings{Concurrency: 1, Max: 20},
	load:     func(int) load { return load{requests: 6} },
	counts:   []count{{5, 6}, {35, 6}, {45, 8}, {55, 10}, {60, 10}, {600, 10}},
}, {
	// Four requests of half a CPU need 2 CPUs; by concurrency ⌈4/24⌉ = 1. One instance starts on
	// demand at 5 s and uses its 1 CPU from then: the average after t s is (t−5)/60, so
	// ⌈(t−5)/36⌉: 40 s ⌈0.97⌉ = 1, 45 s ⌈1.1⌉ = 2. The second adds 1 CPU from 50 s on: at 60 s
	// (55+15)/60 = 1.17, ⌈1.94⌉ = 2; at 65 s (60+20)/60 = 1.33, ⌈2.2⌉ = 3; at 105 s all of the
	// minute has 2 CPUs, ⌈2/0.6⌉ = ⌈3.3⌉ = 4.
	shape:    "CPU-bound requests",
	settings: autoscaler.Settings{Max: 10},
	load:     func(int) load { return load{requests: 4, cpu: 0.5} },
	counts:   []count{{5, 1}, {40, 1}, {45, 2}, {60, 2}, {65, 3}, {105, 4}, {600, 4}},
}, {
	// Two without any load. 60 requests from 600 s to 660 s fit into 2·40, and on average need
	// ⌈60/24⌉ = 3. The third is idle from 660 s on and is stopped at 1560 s.
	shape:    "two minimum instances",
	settings: autoscaler.Settings{Min: 2, Max: 10},
	load:     during(600, 660, load{requests: 60}),
	counts:   []count{{5, 2}, {600, 2}, {605, 2}, {660, 3}, {1555, 3}, {1560, 2}, {3600, 2}},
}, {
	// ⌈400/24⌉ = 17 and, on demand, ⌈400/40⌉ = 10 are above the maximum of 3.
	shape:    "400 requests at a maximum of 3",
	settings: autoscaler.Settings{Max: 3},
	load:     func(int) load { return load{requests: 400} },
	counts:   []count{{5, 3}, {60, 3}, {600, 3}},
}, {
	// 48 requests of 0.05 CPUs each. On demand ⌈48/40⌉ = 2. By concurrency ⌈48/24⌉ = 2, by CPU
	// 2.4/0.6 = 4 (the 2 instances have 2 CPUs at first, ⌈2/0.6⌉ = 4 as well): 4. From 600 s on
	// they need no CPU: by concurrency 2. The two others are idle once the minute's CPU is
	// ⌈m/0.6⌉ = 2, so m ≤ 1.2 = 2.4·30/60, at 630 s for one (m ≤ 1.8 at 615 s for the other); 900 s later
	// they are stopped. From 3000 s on there are no requests: none at 3900 s.
	shape:    "CPU and concurrency mixed",
	settings: autoscaler.Settings{Max: 10},
	load: func(second int) load {
		switch {
		case second <= 600:
			return load{requests: 48, cpu: 0.05}
		case second <= 3000:
			return load{requests: 48}
		}
		return load{}
	},
	counts: []count{{5, 2}, {120, 4}, {600, 4}, {1510, 4}, {1525, 3}, {1540, 2}, {3000, 2}, {3895, 2}, {3900, 0}},
}}

// during returns a load between two seconds.
func during(from, to int, l load) func(int) load {
	return func(second int) load {
		if from < second && second <= to {
			return l
		}
		return load{}
	}
}

// TestConformance simulates each load and requires exactly the counts of the table.
func TestConformance(t *testing.T) {
	t.Parallel()
	const tick = 5
	for _, c := range conformance {
		t.Run(c.shape, func(t *testing.T) {
			t.Parallel()
			if c.settings.Concurrency == 0 {
				c.settings.Concurrency = 40
			}
			c.settings.CPU = 1
			s := newService(c.settings)
			now := 0
			for _, count := range c.counts {
				for now < count.at {
					now += tick
					s.tick(c.load(now))
				}
				if got := s.instances(); got != count.want {
					t.Errorf("after %s: %d instances, want %d", time.Duration(now)*time.Second, got, count.want)
				}
			}
		})
	}
}
