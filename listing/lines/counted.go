package lines

// counted reads dates whose numbers have their units behind them, in any
// character set: the units of Japanese, Chinese and Korean are no ASCII.
//
//	11月 12日 10:20    11月 12  2024    2024年11月12日    2024년 11월 12일
func (h *habits) counted(f *fields, i int) (d dated, ok bool) {
	d.shape, d.precision = counted, day
	plainYear := false // it came first and bare: it may have been the file's size
	for d.words < 4 && (d.year == 0 || d.month == 0 || d.day == 0) {
		numbers, ok := numbersOf(f.word(i + d.words))
		if !ok {
			break
		}
		for _, n := range numbers {
			switch {
			case n.value == 0:
			case n.value >= minYear && d.year == 0:
				d.year = n.value
				plainYear = d.month == 0 && !n.unit
			case n.value <= 12 && d.month == 0 && n.unit:
				d.month = n.value
			case n.value <= 31 && d.month > 0 && d.day == 0:
				d.day = n.value
			default:
				return d, false
			}
		}
		d.words++
	}
	switch {
	case d.month == 0 || d.day == 0:
		return d, false
	case d.year == 0:
		return d, d.yearOrClock(f, i+d.words)
	}
	return d, !plainYear || !yearOrClockAt(f, i+d.words)
}

// unitNumber is a number that is not 0, and whether a unit follows it.
type unitNumber struct {
	value int
	unit  bool
}

// numbersOf cuts 2024年11月12日 into its numbers. A unit is a run of bytes that
// are no ASCII; its last one may be (the second byte of a letter in Shift-JIS).
func numbersOf(w []byte) (numbers [3]unitNumber, ok bool) {
	for n := 0; len(w) > 0; n++ {
		end := 0
		for end < len(w) && '0' <= w[end] && w[end] <= '9' {
			end++
		}
		value := small(w[:end])
		if n == len(numbers) || value <= 0 {
			return numbers, false
		}
		w = w[end:]
		for end = 0; end < len(w) && w[end] >= 0x80; end++ {
		}
		if end > 0 && end == len(w)-1 && w[end] >= '@' {
			end++
		}
		if end == 0 && len(w) > 0 {
			return numbers, false
		}
		numbers[n] = unitNumber{value, end > 0}
		w = w[end:]
	}
	return numbers, numbers[0].value > 0
}
