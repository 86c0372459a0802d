package index

import "context"

// Brief prepares for a process of one request: it opens the database in the background,
// since whatever is asked for is looked up there, and has the log kept short, since most
// of these processes find themselves alone, and then read all of it first. It is called
// before all else.
func (x *Index) Brief() {
	x.logPages = briefPages
	go x.read(context.Background(), "open", func(*reader) error { return nil })
}

// Warm opens the database for writing, before somebody waits for it: that takes longer
// than a write. An error shows again at the first one.
func (x *Index) Warm() {
	x.write(context.Background(), "open", false, func(*transaction) error { return nil })
}
