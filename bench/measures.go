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
	{"delay", delayed},
	{"hits", hits},
	{"big", bigMiss},
	{"herd", herd},
	{"segments", segments},
	{"join", join},
	{"range", far},
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

	delayRounds int
	delayMisses int // of each size, each round

	smallRounds  int
	small        int // files
	smallClients int

	hitRounds  int
	hitTime    time.Duration
	hitClients int

	bigRounds int

	herdRounds  int
	herdSize    int64
	herdClients int
	herdRate    int64 // bytes a second of each connection to the upstream

	segmentsRounds int
	segmentsSize   int64
	segmentsRate   int64

	joinRounds int
	joinSize   int64
	joinAfter  time.Duration
	joinRate   int64

	farRounds int
	farSize   int64
	farAt     int64
	farRate   int64

	memorySize    int64
	memoryClients int
}

var whole = plan{
	rounds:      3,
	firstMisses: 20,
	delayRounds: 3, delayMisses: 5,
	smallRounds: 3, small: 5000, smallClients: 16,
	hitRounds: 7, hitTime: time.Second, hitClients: 16,
	bigRounds:  3,
	herdRounds: 1, herdSize: 200 * mib, herdClients: 50, herdRate: 20e6,
	segmentsRounds: 2, segmentsSize: 200 * mib, segmentsRate: 20e6,
	joinRounds: 1, joinSize: 200 * mib, joinAfter: 2 * time.Second, joinRate: 50e6,
	farRounds: 1, farSize: gib, farAt: 900 * mib, farRate: 50e6,
	memorySize: gib, memoryClients: 200,
}

var quick = plan{
	rounds:      1,
	firstMisses: 20,
	delayRounds: 1, delayMisses: 2,
	smallRounds: 1, small: 2000, smallClients: 16,
	hitRounds: 1, hitTime: time.Second / 2, hitClients: 16,
	bigRounds:  1,
	herdRounds: 1, herdSize: 40 * mib, herdClients: 50, herdRate: 20e6,
	segmentsRounds: 1, segmentsSize: 100 * mib, segmentsRate: 20e6,
	joinRounds: 1, joinSize: 60 * mib, joinAfter: time.Second / 2, joinRate: 50e6,
	farRounds: 1, farSize: 128 * mib, farAt: 100 * mib, farRate: 50e6,
	memorySize: 128 * mib, memoryClients: 200,
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
