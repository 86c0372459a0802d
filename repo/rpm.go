package repo

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// rpm is the format of dnf's, yum's and zypper's repositories, as createrepo makes
// it (https://github.com/rpm-software-management/createrepo_c; the schemas are
// openSUSE's: https://github.com/openSUSE/libzypp/tree/master/zypp/parser/yum/schema).
//
//	repodata/repomd.xml          has the digest of every file beside it
//	        /repomd.xml.asc      its signature
//	        /HEX-primary.xml.zst the packages
//	Packages/h/hello-2.10-3.x86_64.rpm
//
// Names are below the directory that repodata is in. What is called by its digest
// never changes; other files keep their names. Only primary is read: filelists,
// other, updateinfo and groups name no files.
type rpm struct{}

func (rpm) Of(name string) (Nature, bool) {
	dir, base := split(name)
	if dir != "repodata/" && !strings.HasSuffix(dir, "/repodata/") {
		return Nature{}, false
	}
	if base == "repomd.xml" || base == "repomd.xml.asc" {
		n := Nature{Set: []string{dir + "repomd.xml.asc", dir + "repomd.xml"}}
		if base == "repomd.xml" {
			n.Index, n.Signatures = name, n.Set[:1:1]
		}
		return n, true
	}
	var n Nature
	digest, kind := hashNamed(base)
	if digest.Algorithm != NoAlgorithm {
		n.Claim = Claim{Name: name, Size: -1, Digest: digest}
	}
	if unpacked(kind) == "primary.xml" {
		n.Index = dir + "primary.xml"
	}
	return n, true
}

// hashNamed cuts "HEX-primary.xml.gz" into the digest, if there is one, and the rest.
func hashNamed(base string) (Digest, string) {
	digits, kind, ok := strings.Cut(base, "-")
	if !ok || strings.ToLower(digits) != digits {
		return Digest{}, base
	}
	switch a := byLength(len(digits)); a {
	case SHA256, SHA512, SHA1:
		if d, ok := digestOf(a, digits); ok {
			return d, kind
		}
	}
	return Digest{}, base
}

func (rpm) Read(name string, r io.Reader, add func(Claim) error) (Head, error) {
	dir, base := split(name)
	top := strings.TrimSuffix(dir, "repodata/")
	if base == "repomd.xml" {
		return readRepomd(top, r, add)
	}
	return Head{}, readPrimary(top, r, add)
}

// location is the name that an element has, if it is one below dir; "": it is none, as of
// one with a base.
func (m *markup) location(dir string) string {
	href, ok := m.attr("href")
	if _, elsewhere := m.attr("xml:base"); !ok || elsewhere {
		return ""
	}
	name := string(href)
	if bytes.IndexByte(href, '%') >= 0 {
		// Clients use it as the part of an address that it is.
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
	}
	return below(dir, name)
}

// root reads up to the first element, which has to be name.
func (m *markup) root(name string) error {
	err := m.next()
	if err == io.EOF || err == nil && (!m.open || local(m.name) != name) {
		return fmt.Errorf("it is no <%s>", name)
	}
	return err
}

// local is a name without the prefix of its namespace.
func local(name []byte) string { return string(name[bytes.IndexByte(name, ':')+1:]) }

// readRepomd reads
//
//	<repomd>
//	  <revision>1752229000</revision>
//	  <data type="primary">
//	    <checksum type="sha256">HEX</checksum>
//	    <location href="repodata/HEX-primary.xml.zst"/>
//	    <timestamp>1752228997</timestamp>
//	    <size>21321</size>
func readRepomd(dir string, r io.Reader, add func(Claim) error) (head Head, err error) {
	m := markupOf(bound(r, maxWhole))
	if err := m.root("repomd"); err != nil {
		return head, err
	}
	var (
		c         Claim
		kind      string
		algorithm Algorithm
		latest    int64
	)
	for {
		if err := m.next(); err == io.EOF {
			break
		} else if err != nil {
			return head, err
		}
		name := local(m.name)
		switch {
		case m.depth == 1 && m.open && name == "data":
			t, _ := m.attr("type")
			kind, c = string(t), Claim{Size: -1}
		case m.depth == 1 && !m.open && name == "data":
			if c.Name == "" {
				continue
			}
			if _, base := split(c.Name); unpacked(base) != kind+".xml" {
				c.Slot = "repomd " + kind
			}
			if err := add(c); err != nil {
				return head, err
			}
		case m.open && (m.depth == 1 && name == "revision" || m.depth == 2):
			m.wanted()
			switch name {
			case "checksum":
				t, _ := m.attr("type")
				algorithm = parseAlgorithm(string(t))
			case "location":
				c.Name = m.location(dir)
			}
		case m.depth == 1 && name == "revision":
			if n := number(m.content()); plausible(n) {
				head.Made = time.Unix(n, 0).UTC()
			}
		case m.depth == 2 && name == "checksum":
			c.Digest, _ = digestOf(algorithm, m.content())
		case m.depth == 2 && name == "size":
			c.Size = number(m.content())
		case m.depth == 2 && name == "timestamp":
			stamp, _, _ := bytes.Cut(m.content(), []byte(".")) // yum's has a fraction
			if n := number(stamp); plausible(n) {
				latest = max(latest, n)
			}
		}
	}
	if head.Made.IsZero() && latest > 0 {
		head.Made = time.Unix(latest, 0).UTC()
	}
	return head, nil
}

// plausible reports whether a number can be seconds since 1970: some revisions
// are numbers that a person gave.
func plausible(n int64) bool {
	const y2000, y2100 = 946684800, 4102444800
	return y2000 <= n && n < y2100
}

// readPrimary reads
//
//	<metadata>
//	  <package type="rpm">
//	    <name>hello</name>
//	    <arch>x86_64</arch>
//	    <checksum type="sha256" pkgid="YES">HEX</checksum>
//	    <size package="53080" installed="185000" archive="186000"/>
//	    <location href="Packages/h/hello-2.10-3.x86_64.rpm"/>
//	    <format> ... most of it, and nothing of interest
func readPrimary(dir string, r io.Reader, add func(Claim) error) error {
	m := markupOf(r)
	if err := m.root("metadata"); err != nil {
		return err
	}
	var (
		c          Claim
		name, arch []byte
		algorithm  Algorithm
	)
	for {
		if err := m.next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		switch {
		case m.depth == 1 && string(m.name) == "package":
			if m.open {
				c = Claim{Size: -1, Package: true}
				name, arch = name[:0], arch[:0]
			} else if c.Name != "" {
				c.Slot = slot("rpm", name, arch)
				if err := add(c); err != nil {
					return err
				}
			}
		case m.depth != 2:
		case m.open:
			switch string(m.name) {
			case "checksum":
				t, _ := m.attr("type")
				algorithm = parseAlgorithm(string(t))
				m.wanted()
			case "name", "arch":
				m.wanted()
			case "size":
				n, _ := m.attr("package")
				c.Size = number(n)
			case "location":
				c.Name = m.location(dir)
			}
		default:
			switch string(m.name) {
			case "checksum":
				c.Digest, _ = digestOf(algorithm, m.content())
			case "name":
				name = append(name[:0], m.content()...)
			case "arch":
				arch = append(arch[:0], m.content()...)
			}
		}
	}
}
