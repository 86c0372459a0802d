package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// measure is one kind of work, which gives one or more series of figures.
type measure struct {
	name string
	run  func(context.Context, *bench) ([]*series, error)
}

// measures are in the order in which they are taken: the one that makes most
// files comes first, to a disk that was left alone.
var measures = []measure{
	{"small", smallMisses},
	{"first", firstByte},
	{"hits", hits},
	{"big", bigMiss},
	{"herd", herd},
	{"memory", memory},
	{"cgi", cgi},
	{"directory", directory},
	{"index", indexed},
	{"stale", stale},
	{"sync", syncTree},
	{"scale", scale},
}

func names() []string {
	var all []string
	for _, m := range measures {
		all = append(all, m.name)
	}
	return all
}

func choose(only string) ([]measure, error) {
	if only == "" {
		return measures, nil
	}
	var chosen []measure
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(measures, func(m measure) bool { return m.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no measure %q: they are %s", name, strings.Join(names(), ", "))
		}
		chosen = append(chosen, measures[i])
	}
	return chosen, nil
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// plan is how much work a run does.
type plan struct {
	rounds int // of the measures that take seconds

	firstMisses int // of each size, each round

	small        int // files
	smallClients int

	hitTime    time.Duration
	hitClients int

	bigRounds int

	herdRounds  int
	herdSize    int64
	herdClients int
	herdRate    int64 // bytes a second of each connection to the upstream

	memorySize    int64
	memoryClients int
}

var whole = plan{
	rounds:      5,
	firstMisses: 20,
	small:       5000, smallClients: 16,
	hitTime: 2 * time.Second, hitClients: 16,
	bigRounds:  5,
	herdRounds: 3, herdSize: 200 * mib, herdClients: 50, herdRate: 20e6,
	memorySize: gib, memoryClients: 50,
}

var quick = plan{
	rounds:      1,
	firstMisses: 20,
	small:       2000, smallClients: 16,
	hitTime: time.Second, hitClients: 16,
	bigRounds:  1,
	herdRounds: 1, herdSize: 40 * mib, herdClients: 50, herdRate: 20e6,
	memorySize: 256 * mib, memoryClients: 50,
}

// size writes a number of bytes.
func size(n int64) string {
	switch {
	case n >= gib:
		return fmt.Sprintf("%d GiB", n/gib)
	case n >= mib:
		return fmt.Sprintf("%d MiB", n/mib)
	}
	return fmt.Sprintf("%d KiB", n/kib)
}
