package repo

import "testing"

// TestHasIndex: what an index is known by is known to be one.
func TestHasIndex(t *testing.T) {
	all, err := New("auto")
	if err != nil {
		t.Fatal(err)
	}
	none, err := New("alpine")
	if err != nil {
		t.Fatal(err)
	}
	const digest = "0123456789012345678901234567890123456789012345678901234567890123"
	for _, name := range []string{
		"dists/sid/InRelease", "dists/sid/main/binary-amd64/Packages.gz", "dists/sid/main/source/Sources.xz",
		"dists/sid/main/binary-amd64/Packages.diff/Index", "repodata/repomd.xml", "repodata/" + digest + "-primary.xml.gz",
		"core/os/x86_64/core.db.tar.gz", "core.files", "SHA256SUMS", "sha256sums.asc", "a.iso.sha256",
		"simple/foo/index.html", "a-CHECKSUM",
	} {
		index := all.Of(name).Index
		if index == "" || !all.HasIndex(index) {
			t.Errorf("%s is the index %q, which is not known", name, index)
		}
		if none.HasIndex(index) {
			t.Errorf("%s is known to Alpine's", index)
		}
	}
	if all.HasIndex("pool/a.deb") {
		t.Error("a package is known as an index")
	}
}
