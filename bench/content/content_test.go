package content

import (
	"io"
	"testing"
)

func file(t testing.TB, path string) File {
	t.Helper()
	f, err := Of(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A checker that lets everything pass would be a benchmark of lies.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	path := Path(5*BlockSize+1234, "a")
	good, err := io.ReadAll(NewReader(file(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	check := func(body []byte) error {
		c := NewCheck(file(t, path))
		for len(body) > 0 { // in odd pieces, as they come from a socket
			n := min(len(body), 7001)
			if _, err := c.Write(body[:n]); err != nil {
				return err
			}
			body = body[n:]
		}
		return c.Whole()
	}
	if err := check(good); err != nil {
		t.Fatalf("the file itself is refused: %v", err)
	}
	for _, at := range []int{0, 8, 15, 16, BlockSize - 1, BlockSize, 3*BlockSize + 17, len(good) - 1} {
		bad := append([]byte(nil), good...)
		bad[at]++
		if check(bad) == nil {
			t.Errorf("a wrong byte %d passes", at)
		}
	}
	swapped := append(append([]byte(nil), good[BlockSize:2*BlockSize]...), good[BlockSize:]...)
	if check(swapped) == nil {
		t.Error("a block of another place passes")
	}
	if check(good[:len(good)-1]) == nil || check(append(good, 0)) == nil {
		t.Error("a body of another length passes")
	}
}

func TestRangeCheck(t *testing.T) {
	f := file(t, Path(3*BlockSize, "a"))
	body, err := io.ReadAll(NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	from, to := int64(BlockSize-5), int64(2*BlockSize+7)
	check := func(body []byte) error {
		c := NewRangeCheck(f, from, to)
		if _, err := c.Write(body); err != nil {
			return err
		}
		return c.Whole()
	}
	if err := check(body[from:to]); err != nil {
		t.Errorf("the range itself is refused: %v", err)
	}
	for what, b := range map[string][]byte{"another place": body[from+1 : to+1], "less": body[from : to-1], "more": body[from : to+1]} {
		if check(b) == nil {
			t.Errorf("%s passes", what)
		}
	}
}

func TestFilesDiffer(t *testing.T) {
	body, _ := io.ReadAll(NewReader(file(t, Path(100, "a"))))
	if _, err := NewCheck(file(t, Path(100, "b"))).Write(body); err == nil {
		t.Error("another file's bytes pass")
	}
}

func TestZeros(t *testing.T) {
	const size = 3*BlockSize + 5
	f := file(t, ZerosPath(size, "a"))
	body, err := io.ReadAll(NewReader(f))
	if err != nil || len(body) != size {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	for i, b := range body {
		if b != 0 {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
	body[2*BlockSize+7] = 1
	if _, err := NewCheck(f).Write(body); err == nil {
		t.Error("a byte that is not zero passes")
	}
}

func TestReaderSeeks(t *testing.T) {
	path := Path(9*BlockSize+5, "a")
	all, _ := io.ReadAll(NewReader(file(t, path)))
	for _, at := range []int64{1, 15, BlockSize - 1, BlockSize + 3, 9 * BlockSize} {
		r := NewReader(file(t, path))
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(r)
		if err != nil || string(rest) != string(all[at:]) {
			t.Errorf("from byte %d on the bytes are others (%v)", at, err)
		}
	}
}

func TestOfRefuses(t *testing.T) {
	for _, path := range []string{"", "/", "/5", "/x/y", "/-1/a"} {
		if _, err := Of(path); err == nil {
			t.Errorf("%q is taken for a file", path)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	b.SetBytes(1 << 30)
	for b.Loop() {
		r := NewReader(file(b, Path(1<<30, "a")))
		for len(r.Next(1<<20)) > 0 {
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	const size = 1 << 20
	body, _ := io.ReadAll(NewReader(file(b, Path(size, "a"))))
	b.SetBytes(size)
	for b.Loop() {
		if _, err := NewCheck(file(b, Path(size, "a"))).Write(body); err != nil {
			b.Fatal(err)
		}
	}
}
