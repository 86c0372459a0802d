package fetch

import (
	"context"
	"slices"
	"time"

	"mirror"
	"mirror/config"
	"mirror/source"
)

// URL returns where a client can get name from an upstream itself, without
// credentials; "" when it is below no prefix, or no upstream speaks HTTP.
func (e *Engine) URL(name mirror.Name) string {
	p := e.placeOf(name)
	if p.m == nil {
		return ""
	}
	for _, src := range e.sources[p.m] {
		if src.web {
			if page := e.nature(p.m, p.rest).Page; page != "" {
				return src.URL(mirror.Name(page))
			}
			return src.URL(p.rest)
		}
	}
	return ""
}

// ListURL returns what is in the directory at a URL, in the order of Items. No
// mirror is involved, and nothing is kept.
func ListURL(ctx context.Context, text string) (*Directory, error) {
	conf, err := config.FromURL(text)
	if err != nil {
		return nil, err
	}
	c := newConnector(conf, nil)
	defer c.close()
	m := &conf.Mirrors[0]
	src := c.source(m, m.Upstream[0])
	l, err := src.Source.(source.Lister).List(ctx, "", nil)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(l.Entries, inOrder)
	return &Directory{
		Upstream: src.URL(""), Entries: l.Entries, ModTime: l.Meta.ModTime,
		Ended: l.Ended, Unread: int64(l.Unread), Checked: time.Now(),
	}, nil
}
