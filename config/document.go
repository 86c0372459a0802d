package config

import (
	"bytes"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// document is the configuration as it was written: nothing is checked, and ""
// or nil means that a key was not given, or was left empty.
type document struct {
	Docroot  string        `toml:"docroot"`
	State    string        `toml:"state"`
	Base     string        `toml:"base"`
	Netrc    string        `toml:"netrc"`
	Server   serverTable   `toml:"server"`
	Limits   limitsTable   `toml:"limits"`
	Timeouts timeoutsTable `toml:"timeouts"`
	Mirror   []mirrorTable `toml:"mirror"`
}

type serverTable struct {
	FastCGI      string `toml:"fastcgi"`
	FastCGIMode  scalar `toml:"fastcgi_mode"`
	FastCGIGroup scalar `toml:"fastcgi_group"`
	HTTP         string `toml:"http"`
	Grace        scalar `toml:"grace"`
	Handover     string `toml:"handover"`
	Stream       scalar `toml:"stream"`
	VerifyRate   scalar `toml:"verify_rate"`
}

type limitsTable struct {
	Fetches     scalar `toml:"fetches"`
	PerUpstream scalar `toml:"per_upstream"`
	Relays      scalar `toml:"relays"`
	MaxSize     scalar `toml:"max_size"`
	QueueTime   scalar `toml:"queue_time"`
}

type timeoutsTable struct {
	Connect      scalar `toml:"connect"`
	Header       scalar `toml:"header"`
	Idle         scalar `toml:"idle"`
	LowSpeed     scalar `toml:"low_speed"`
	LowSpeedTime scalar `toml:"low_speed_time"`
	MaxWait      scalar `toml:"max_wait"`
}

type mirrorTable struct {
	Prefix            string   `toml:"prefix"`
	Upstream          []string `toml:"upstream"`
	Index             string   `toml:"index"`
	Zone              string   `toml:"zone"`
	ListingMaxAge     scalar   `toml:"listing_max_age"`
	Links             scalar   `toml:"links"`
	Miss              string   `toml:"miss"`
	Profile           string   `toml:"profile"`
	Keyring           string   `toml:"keyring"`
	Prefetch          scalar   `toml:"prefetch"`
	Mutable           []string `toml:"mutable"`
	Immutable         []string `toml:"immutable"`
	MutableIn         string   `toml:"mutable_in"`
	MaxAge            scalar   `toml:"max_age"`
	MaxStale          scalar   `toml:"max_stale"`
	KeepFresh         scalar   `toml:"keep_fresh"`
	NegativeTTL       scalar   `toml:"negative_ttl"`
	KeepDropped       scalar   `toml:"keep_dropped"`
	KeepGenerations   scalar   `toml:"keep_generations"`
	Connections       scalar   `toml:"connections"`
	RedirectToHTTP    scalar   `toml:"redirect_to_http"`
	RedirectToPrivate scalar   `toml:"redirect_to_private"`
	RefuseHTML        []string `toml:"refuse_html"`
	KeepGoing         scalar   `toml:"keep_going"`
}

// scalar is the text of a string, number or boolean. That all three are taken
// lets the checks of one value stand in one place, and say what they expect
// ("give a unit") where a decoder could only say that a type is wrong.
type scalar string

// UnmarshalText is called for numbers and booleans; strings are assigned.
func (s *scalar) UnmarshalText(text []byte) error {
	*s = scalar(text)
	return nil
}

// decode reads the TOML text of the file at path. Keys that are not in
// document are errors.
func decode(data []byte, path string) (*document, error) {
	var doc document
	decoder := toml.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return nil, explainDecode(err, path)
	}
	return &doc, nil
}

// key names a value of a document: "server.grace" is {table: "server", name:
// "grace"}, and the second URL of the third [[mirror]] is
// {table: "mirror", index: 2, name: "upstream", item: 1}.
type key struct {
	table string // "" above the first table
	index int    // of the [[mirror]]; else not looked at
	name  string // "" means the table as a whole
	item  int    // of a list; a key that is no list ignores it
}

// String returns the key as the documentation calls it.
func (k key) String() string {
	return strings.Trim(k.table+"."+k.name, ".")
}
