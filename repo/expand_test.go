package repo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

func expanded(packed []byte) ([]byte, error) {
	r, done, err := expand(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	defer done()
	return io.ReadAll(r)
}

// noise is text that packs badly, so that there are chunks of every kind.
func noise(n int) []byte {
	b := make([]byte, n)
	s := uint32(1)
	for i := range b {
		s = s*1664525 + 1013904223
		if b[i] = byte(s >> 24); i%(n/4+1) < n/8 {
			b[i] = "abcdefgh"[b[i]&7]
		}
	}
	return b
}

// TestExpandTools unpacks what the tools pack, with every option that changes how
// it is laid out.
func TestExpandTools(t *testing.T) {
	plain := noise(300_000)
	for _, cmd := range []string{
		"gzip", "gzip -9", "bzip2", "zstd", "zstd -19 --long=26", "cat",
		"xz", "xz -9e", "xz -0", "xz --check=none", "xz --check=crc32", "xz --check=sha256", "xz -T2 --block-size=50000", "xz --block-size=10001", "xz --lzma2=dict=64MiB",
	} {
		words := strings.Fields(cmd)
		if _, err := exec.LookPath(words[0]); err != nil {
			t.Logf("there is no %s", words[0])
			continue
		}
		pack := exec.Command(words[0], append(words[1:], "-c")...)
		if words[0] == "cat" {
			pack = exec.Command("cat")
		}
		pack.Stdin = bytes.NewReader(plain)
		file, err := pack.Output()
		if err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
		if got, err := expanded(file); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %d bytes of %d: %v", cmd, len(got), len(plain), err)
		}
		if words[0] == "cat" {
			continue
		}
		twice := append(bytes.Clone(file), file...)
		if words[0] == "xz" {
			twice = append(append(bytes.Clone(file), make([]byte, 8)...), file...)
		}
		if got, err := expanded(twice); err != nil || len(got) != 2*len(plain) {
			t.Errorf("%s, twice: %d bytes of %d: %v", cmd, len(got), 2*len(plain), err)
		}
		if _, err := expanded(file[:len(file)*2/3]); err == nil {
			t.Errorf("%s: what was cut off is whole", cmd)
		}
	}
}

// greedy changes the block's head at an offset of an xz file: its dictionary is to
// have 4 GiB.
func greedy(file []byte, at int) []byte {
	file = bytes.Clone(file)
	head := file[at : at+4*(int(file[at])+1)]
	i := bytes.Index(head, []byte{0x21, 1})
	head[i+2] = 40
	binary.LittleEndian.PutUint32(head[len(head)-4:], crc32.ChecksumIEEE(head[:len(head)-4]))
	return file
}

// TestDictionaries refuses files whose blocks ask for more memory than there is,
// wherever in the file they are.
func TestDictionaries(t *testing.T) {
	var b bytes.Buffer
	w, err := xz.WriterConfig{BlockSize: 10_000}.NewWriter(&b)
	if err == nil {
		_, err = w.Write(noise(100_000))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	const first = 12
	head := file[first : first+4*(int(file[first])+1)]
	second := first + len(head) + bytes.Index(file[first+len(head):], head)
	for what, bad := range map[string][]byte{
		"the first block":                   greedy(file, first),
		"the second block":                  greedy(file, second),
		"the second stream":                 append(bytes.Clone(file), greedy(file, first)...),
		"the second stream, behind padding": append(append(bytes.Clone(file), 0, 0, 0, 0), greedy(file, first)...),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := expanded(bad)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "4095 MiB") && !strings.Contains(err.Error(), "4096 MiB") {
			t.Errorf("%s: %v", what, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 512<<20 {
			t.Errorf("%s: %d MiB were allocated", what, used>>20)
		}
	}
	short := exec.Command("xz", "-c", "--block-size=1001", "--lzma2=dict=64MiB")
	short.Stdin = bytes.NewReader(noise(100_000))
	if file, err := short.Output(); err != nil {
		t.Log(err)
	} else if _, err := expanded(file); err == nil || !strings.Contains(err.Error(), "much shorter") {
		t.Errorf("a hundred blocks of 64 MiB each: %v", err)
	}
	var z bytes.Buffer
	e, err := zstd.NewWriter(&z, zstd.WithWindowSize(128<<20), zstd.WithSingleSegment(false))
	if err == nil {
		_, err = e.Write(make([]byte, 200<<20))
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := expanded(z.Bytes()); !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("a window of 128 MiB: %v", err)
	}
}

// endless is a text without end.
type endless struct {
	line string
	n    int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], e.line[e.n:])
		n += c
		e.n = (e.n + c) % len(e.line)
	}
	return n, nil
}

// TestEndless holds Read to its bounds, which end every index.
func TestEndless(t *testing.T) {
	k, _ := New("auto")
	for name, c := range map[string]struct{ text, err string }{
		"Packages":            {"Filename: a\nSize: 1\n\n", "more than 2000000 files"},
		"Release":             {"SHA256:\n", "larger than 64 MiB"},
		"SHA256SUMS":          {x(64) + "  a\n", "larger than 64 MiB"},
		"repodata/repomd.xml": {"<repomd/>" + strings.Repeat(" ", 1000), "larger than 64 MiB"},
	} {
		claims := 0
		_, err := k.Read(name, &endless{line: c.text}, func(Claim) error {
			claims++
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), c.err) || claims > maxClaims {
			t.Errorf("%s: %v after %d claims, to say %q", name, err, claims, c.err)
		}
	}
	b := &bounded{&endless{line: "x"}, 100, 100}
	if n, err := io.Copy(io.Discard, b); n != 100 || err == nil {
		t.Errorf("%d bytes: %v", n, err)
	}
}

// TestStreamed reads a large index and looks at the memory that it takes meanwhile.
func TestStreamed(t *testing.T) {
	k, _ := New("auto")
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	start, most := m.HeapAlloc, uint64(0)
	paragraph := fmt.Sprintf("Package: a\nFilename: pool/a.deb\nSize: 1\nSHA256: %s\nDescription: %s\n\n", x(64), strings.Repeat("words ", 1000))
	claims := 0
	_, err := k.Read("Packages", io.LimitReader(&endless{line: paragraph}, int64(20_000*len(paragraph))), func(Claim) error {
		if claims++; claims%1000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return nil
	})
	if err != nil || claims != 20_000 {
		t.Fatalf("%d claims: %v", claims, err)
	}
	if used := int64(most) - int64(start); used > 4<<20 {
		t.Errorf("%d KiB of memory for a stream", used>>10)
	}
}

// TestLinear reads what would take minutes if a byte were looked at again and again.
func TestLinear(t *testing.T) {
	k, _ := New("auto")
	for name, text := range map[string]string{
		"repodata/primary.xml": `<metadata><package type="rpm"><location href="` + strings.Repeat("&", 60_000) + `"/><a b="` + strings.Repeat(">", 60_000) + `"/><a b='` + strings.Repeat(`">`, 30_000) + `'/></package></metadata>`,
		"Sources":              "Files:\n" + strings.Repeat(" "+x(32)+" 1 a\n", 3000) + "\n",
		"simple/a/index.html":  "<a href='" + strings.Repeat("../", 20_000) + "'>" + strings.Repeat("<", 60_000),
		"x.db":                 string(segment(t, true, "a/desc", strings.Repeat("%NAME%\n", 10_000))),
	} {
		start := time.Now()
		_, err := k.Read(name, io.LimitReader(&endless{line: text}, 32<<20), func(Claim) error { return nil })
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %v (%v)", name, took, err)
		} else {
			t.Logf("%s took %v (%v)", name, took, err)
		}
	}
}
