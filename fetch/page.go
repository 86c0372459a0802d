package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mirror"
	"mirror/repo"
	"mirror/source"
)

// A page is a file that an HTTP upstream has only as what it shows for a directory:
// simple/hello/index.html of a Python index is at simple/hello/. Upstreams that are
// trees of files (rsync, ftp, static mirrors) have it by its own name.
//
//	simple/hello/ ─ it is a page ──────────────────────────────> kept
//	      └── it is not, or is not there ─> index.html, by name ─> kept
//
// With the profile "auto" what came for the directory counts only if it says itself
// that it is a page of a Python index: other directories may be called simple, too.
// What is not known to be one stays what it would be anyway, a file of its name.

// askPage asks one upstream for t, which is a page.
func (t *transfer) askPage(src upstream) (*source.Result, error) {
	html := t.rest == mirror.Name(t.nature.Page+repo.PageHTML)
	known := !html || t.e.isSimple(t.ctx, t.name) // then nothing else can be it
	if src.web {
		res, err := t.ask(src, mirror.Name(t.nature.Page))
		switch {
		case err == nil && (t.isSimple() || html && !known && t.m.IsPython()):
			return res, nil
		case err == nil:
			t.forget()
		case !html || !errors.Is(err, mirror.ErrNotFound) && !errors.Is(err, mirror.ErrRefused):
			return res, err
		}
	}
	res, err := t.ask(src, t.rest)
	if err != nil || !known || t.isSimple() {
		return res, err
	}
	t.forget()
	kind := mirror.ErrBroken
	if t.held == nil { // it has none in this form
		kind = mirror.ErrNotFound
	}
	return nil, fmt.Errorf("%w: what %s shows is no page of a Python index", kind, src.URL(mirror.Name(t.nature.Page)))
}

// isSimple reports whether what came is a page of a Python index.
func (t *transfer) isSimple() bool {
	return repo.IsSimple(string(t.rest), io.NewSectionReader(t.part, 0, t.now().have))
}

// isSimple reports whether a published file of ours is one.
func (e *Engine) isSimple(ctx context.Context, name mirror.Name) bool {
	if held, err := e.held(ctx, name); err != nil || held == nil {
		return false
	}
	f, err := e.openPublished(name)
	if err != nil {
		return false
	}
	defer f.Close()
	return repo.IsSimple(string(name), f)
}

// Page says under which names the pages of a directory are that may belong to a
// Python index. certain: it does, by the configuration. Neither need exist.
func (e *Engine) Page(dir mirror.Name) (html, json mirror.Name, certain, ok bool) {
	p := e.placeOfDir(dir)
	if p.m == nil || !p.m.IsSimpleDir(string(p.rest)) {
		return "", "", false, false
	}
	return dir.Join(repo.PageHTML), dir.Join(repo.PageJSON), p.m.IsPython(), true
}

// IsPage reports whether a name is one that Page tells.
func (e *Engine) IsPage(name mirror.Name) bool {
	p := e.placeOf(name)
	return p.m != nil && p.m.IsSimple(string(p.rest))
}

// IsListed reports whether a listing of a directory is on record.
func (e *Engine) IsListed(ctx context.Context, dir mirror.Name) bool {
	held, err := e.recorded(ctx, dir)
	return err == nil && held != nil
}
