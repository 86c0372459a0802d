package lines

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDetect has one listing of each kind, and what is none.
func TestDetect(t *testing.T) {
	packed, err := io.ReadAll(gzipped(t, manyDirs(3, 3), 0))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"mlsd":             {"type=file;size=5;modify=20231112102030; f\r\n", "mlsd"},
		"unix":             {"total 1\n-rw-r--r-- 1 a b 5 Nov 12 2023 f\n", "ftp"},
		"dos":              {"11-12-23  10:57AM  5 f\r\n", "ftp"},
		"rsync":            {"Welcome\ndrwxr-xr-x  4096 2024/11/12 10:20:30 .\n-rw-r--r--  5 2024/11/12 10:20:30 f\n", "rsync"},
		"rsync, items":     {"cd+++++++++|4096|2024/11/12-10:20:30|rwxr-xr-x|./|\n>f+++++++++|5|2024/11/12-10:20:30|rw-r--r--|f|\n", "rsync"},
		"rsync, imitated":  {"-rw-r--r--  5 2024/11/12 10:20:30 f\n-?????????  ? ????/??/?? ??:??:?? g\n", "rsync"},
		"ls -lR":           {manyDirs(3, 3), "ls-lR"},
		"ls -lR, packed":   {string(packed), "ls-lR"},
		"find -ls":         {" 1 4 drwxr-xr-x  2 a  b  512 Nov 12 2024 .\n 2 4 -rw-r--r--  1 a  b  5 Nov 12 2024 ./d/f\n", "ls-lR"},
		"fullfiletimelist": {"[Version]\n2\n[Files]\n1731406830\td\t4096\tlinux\n[End]\n", "ls-lR"},
		"a page":           {"<!DOCTYPE html>\n<html><body><a href=\"f\">f</a></body></html>\n", ""},
		"JSON":             {"[\n{ \"name\":\"f\", \"type\":\"file\" }\n]\n", ""},
		"nothing":          {"", ""},
		"broken":           {"\x1f\x8b\x08", ""},
	} {
		if got := Detect([]byte(c.text)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	files, _ := filepath.Glob("testdata/*.list")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := "ftp"
		switch {
		case strings.HasSuffix(file, "--nlst.list"), len(text) == 0:
			want = ""
		case strings.HasSuffix(file, "--mlsd.list"):
			want = "mlsd"
		}
		if got := Detect(text); got != want && !strings.Contains(file, "--ctrl--") {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}
