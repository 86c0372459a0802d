package maint

import (
	"context"
	"errors"

	"mirror"
	"mirror/fetch"
	"mirror/listing"
)

// List returns what is in a directory, and what is here of it. A name that is
// no directory, unless dir says that it has to be one, is looked for in the
// directory that it is in, and is then the only item.
func (s Site) List(ctx context.Context, name mirror.Name, dir bool) (*fetch.Directory, []fetch.Item, error) {
	d, items, err := s.list(ctx, name)
	if errors.Is(err, mirror.ErrNotFound) && !dir && name != "" {
		if d, items, err := s.list(ctx, name.Parent()); err == nil {
			for _, it := range items {
				if it.Name == name.Base() && it.Type != listing.Dir {
					return d, []fetch.Item{it}, nil
				}
			}
		}
	}
	if errors.Is(err, mirror.ErrNoMirror) {
		err = s.outside(name)
	}
	return d, items, err
}

func (s Site) list(ctx context.Context, name mirror.Name) (*fetch.Directory, []fetch.Item, error) {
	d, err := s.Engine.List(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	items, err := s.Engine.Items(ctx, d)
	return d, items, err
}
