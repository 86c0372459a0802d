package page

// A frame is an element that has rows. Frames nest: a list within a table's
// row has rows of its own, and the outer row goes on after it.
type frame struct {
	kind    kind
	row     row
	anchor  int // that is open, or -1
	pending marks
	columns columns // of a table
}

// A kind is that of a frame, and of its rows: running text, lines of
// preformatted text, items of a list, rows of a table. A list and a table have
// nothing themselves but what should not be there, which is running text.
type kind uint8

const (
	flow kind = iota
	lines
	list
	item
	table
	tableRow
)

// maxFrames bounds the nesting that is followed; what is nested deeper is
// read as if it were not.
const maxFrames = 64

func (p *rows) top() *frame { return &p.frames[len(p.frames)-1] }

func (p *rows) push(k kind) {
	n := len(p.frames)
	if n == maxFrames {
		return
	}
	if n == cap(p.frames) {
		p.frames = append(p.frames, frame{})
	}
	p.frames = p.frames[:n+1]
	old := p.frames[n].row // with the memory of a frame that ended
	p.frames[n] = frame{kind: k, anchor: -1, row: row{cells: old.cells[:0], anchors: old.anchors[:0]}}
}

func (p *rows) pop() {
	p.flush()
	p.frames = p.frames[:len(p.frames)-1]
}

// innermost finds the innermost frame of a kind, unless there is one of the
// wall's kind further in; -1 if there is none.
func (p *rows) innermost(k, wall kind) int {
	for i := len(p.frames) - 1; i > 0; i-- {
		switch p.frames[i].kind {
		case k:
			return i
		case wall:
			return -1
		}
	}
	return -1
}

// popTo ends the innermost frame of a kind, and those within it.
func (p *rows) popTo(k, wall kind) bool {
	i := p.innermost(k, wall)
	for i >= 0 && len(p.frames) > i {
		p.pop()
	}
	return i >= 0
}

// popInto ends the frames within the innermost one of a kind.
func (p *rows) popInto(k, wall kind) bool {
	i := p.innermost(k, wall)
	for i >= 0 && len(p.frames) > i+1 {
		p.pop()
	}
	return i >= 0
}

// flush emits the row that is at hand.
func (p *rows) flush() {
	f := p.top()
	r := &f.row
	if len(r.anchors) > 0 || len(r.cells) > 0 {
		r.marks |= f.pending
		if r.kind = f.kind; r.kind == list || r.kind == table {
			r.kind = flow
		}
		if r.kind == flow {
			r.low, p.low = p.low, p.depth
		}
		if r.kind == tableRow {
			if i := p.innermost(table, table); i >= 0 {
				r.columns = &p.frames[i].columns
			}
		}
		if len(r.anchors) > 0 {
			p.ended = false
		}
		p.emit(r)
	}
	for i := range r.cells {
		r.cells[i].pieces = r.cells[i].pieces[:0]
	}
	*r = row{cells: r.cells[:0], anchors: r.anchors[:0]}
	f.anchor, f.pending = -1, 0
}
