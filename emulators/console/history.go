package console

// point is a function in the history: the values of the charts, small in memory. The order is
// that of the columns in functions.js.
type point [15]float32

// frame is all functions in the history at a time. The point of all together has the name "".
type frame struct {
	t      float64
	points map[string]*point
}

func newFrame(s sample) frame {
	all := make([]point, len(s.Functions)+1)
	f := frame{t: s.T, points: make(map[string]*point, len(all))}
	for i, one := range s.Functions {
		all[i] = one.point()
		f.points[one.Name] = &all[i]
	}
	all[len(s.Functions)] = s.Total.point()
	f.points[""] = &all[len(s.Functions)]
	return f
}

// point returns the values for the charts.
func (f functionSample) point() point {
	return point{
		float32(f.Rate), float32(f.Errors), float32(f.P50), float32(f.P95), float32(f.P99),
		float32(f.Starting), float32(f.Serving), float32(f.Draining), float32(f.InFlight), float32(f.Capacity), float32(f.Queued),
		float32(f.CPU), float32(f.Memory), float32(f.Rejected), float32(f.Unavailable),
	}
}

// row returns a row for chart.js.
func (p *point) row(t float64) []float64 {
	row := make([]float64, 0, len(p)+1)
	row = append(row, t)
	for _, value := range p {
		row = append(row, round(float64(value)))
	}
	return row
}
