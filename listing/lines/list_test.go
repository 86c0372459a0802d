package lines

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror/listing"
)

// clock is that of a list of June 15, 2024.
var clock = listing.Clock{Now: time.Date(2024, 6, 15, 12, 0, 0, 0, time.UTC), Zone: time.UTC}

// dates shows the names and the times of entries: the first second, and how many more.
func dates(l listing.Listing) string {
	var all []string
	for _, e := range l.Entries {
		if !e.MTime.Known {
			all = append(all, e.Name+" never")
			continue
		}
		all = append(all, fmt.Sprintf("%s %s+%d", e.Name, time.Unix(e.MTime.Lo, 0).UTC().Format("2006-01-02T15:04:05"), e.MTime.Width()))
	}
	return strings.Join(all, "\n")
}

// TestEvidence has lists of which some lines look like something else.
func TestEvidence(t *testing.T) {
	for _, c := range []struct {
		name, text, format, want string
		unread                   int
	}{
		{name: "an odd line does not change the system", format: "unix", unread: 2,
			text: "05-26-95  10:57AM               143712 odd\r\n-rw-r--r-- 1 a b 5 Nov 12 2023 f\r\n-rw-r--r-- 1 a b 5 Nov 12 2023 g\r\nREADME\r\n",
			want: "f 2023-11-12T00:00:00+86399\ng 2023-11-12T00:00:00+86399"},
		{name: "nor does it among many", format: "dos", unread: 1,
			text: "11-12-23  10:57AM  5 f\r\n-rw-r--r-- 1 a b 5 Nov 12 2023 odd\r\n11-12-23  10:58PM <DIR> g\r\n",
			want: "f 2023-11-12T10:57:00+59\ng 2023-11-12T22:58:00+59"},
		{name: "lis is November with Polish around, October with Croatian", format: "unix",
			text: "-rw-r--r-- 1 a b 5 gru 12 2023 f\n-rw-r--r-- 1 a b 5 lis 12 2023 g\n",
			want: "f 2023-12-12T00:00:00+86399\ng 2023-11-12T00:00:00+86399"},
		{name: "Croatian", format: "unix",
			text: "-rw-r--r-- 1 a b 5 ruj 12 2023 f\n-rw-r--r-- 1 a b 5 lis 12 2023 g\n",
			want: "f 2023-09-12T00:00:00+86399\ng 2023-10-12T00:00:00+86399"},
		{name: "day and month with a day above 12", format: "dos",
			text: "13/02/2023  10:57  5 f\r\n03/02/2023  10:57  5 g\r\n",
			want: "f 2023-02-13T10:57:00+59\ng 2023-02-03T10:57:00+59"},
		{name: "month and day", format: "dos",
			text: "02/13/2023  10:57  5 f\r\n03/02/2023  10:57  5 g\r\n",
			want: "f 2023-02-13T10:57:00+59\ng 2023-03-02T10:57:00+59"},
		{name: "which is the day is open", format: "dos",
			text: "03/02/2023  10:57  5 f\r\n04/04/2023  10:57  5 g\r\n05/06/2023  10:57AM  5 h\r\n",
			want: "f 2023-02-03T10:57:00+2332859\ng 2023-04-04T10:57:00+59\nh 2023-05-06T10:57:00+59"},
		{name: "it is not with a day above 12 somewhere", format: "unix",
			text: "-rw-r--r-- 1 a b 5 03/02/2023 10:57 f\n-rw-r--r-- 1 a b 5 03/15/2023 10:57 g\n",
			want: "f 2023-03-02T10:57:00+59\ng 2023-03-15T10:57:00+59"},
		{name: "year, month and day", format: "as400",
			text: "A 36864 04/03/31 14:06:34 *STMF f\r\nA 36864 04/03/01 14:06:34 *DIR g/\r\n",
			want: "f 2004-03-31T14:06:34+0\ng 2004-03-01T14:06:34+0"},
		{name: "no year: not more than a day away", format: "unix",
			text: "-rw-r--r-- 1 a b 5 Jun 16 11:59 f\n-rw-r--r-- 1 a b 5 Jun 17 12:00 g\n-rw-r--r-- 1 a b 5 Feb 29 12:00 h\n-rw-r--r-- 1 a b 5 Jun 15 24:00 i\n",
			want: "f 2024-06-16T11:59:00+59\ng 2023-06-17T12:00:00+59\nh 2024-02-29T12:00:00+59\ni 2024-06-16T00:00:00+59"},
		{name: "a name that looks like a date", format: "unix",
			text: "-rw-r--r-- 1 a b 5 2023-11-12 10:20 5 Nov 12 2022 f\n-rw-r--r-- 1 2 3 5 Nov 12 2023 6 Oct 12 2023 g\n",
			want: "5 Nov 12 2022 f 2023-11-12T10:20:00+59\n6 Oct 12 2023 g 2023-11-12T00:00:00+86399"},
		{name: "seconds since 1970, and names that look like dates", format: "unix",
			text: "-rw-r--r-- 1 a b 5 1699784400 f\n-rw-r--r-- 1 a b 5 1699784400 5 Nov 12 2022 g\n-rw-r--r-- 1 a b 5 1699784400 h\n",
			want: "f 2023-11-12T10:20:00+0\n5 Nov 12 2022 g 2023-11-12T10:20:00+0\nh 2023-11-12T10:20:00+0"},
		{name: "a name that looks like a time", format: "unix",
			text: "-rw-r--r-- 1 a b 5 2023-11-12  10:20 f\n-rw-r--r-- 1 a b 5 06-12 10:20 g\n",
			want: "10:20 f 2023-11-12T00:00:00+86399\ng 2024-06-12T10:20:00+59"},
		{name: "zones that are written", format: "unix",
			text: "-rw-r--r-- 1 a b 5 2023-11-12 10:20:30.123456789 +0130 f\n-rw-r--r-- 1 a b 5 2023-11-12T10:20:30Z g\n-rw-r--r-- 1 a b 5 2023-11-12T10:20:30-05:00 h\n",
			want: "f 2023-11-12T08:50:30+0\ng 2023-11-12T10:20:30+0\nh 2023-11-12T15:20:30+0"},
		{name: "days of the week", format: "unix",
			text: "-rw-r--r-- 1 a b 5 Sun Nov 12 10:20:30 2023 f\n-rw-r--r-- 1 a Sun 5 Nov 12 10:20:30 2023 g\n",
			want: "f 2023-11-12T10:20:30+0\ng 2023-11-12T10:20:30+0"},
		{name: "data sets", format: "mvs",
			text: "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\r\nWORK01 3390   2023/11/12  1   15  FB      80 27920  PS  A.B\r\nWORK01 SYSDA  2023/11/12  1 ++++  FB      80 27920  PO  'A.C'\r\n" +
				"ARCIVE Not Direct Access Device                    A.D\r\n                                              GDG  A.E\r\nError determining attributes                       A.F\r\n",
			want: "A.B 2023-11-12T00:00:00+86399\nA.C 2023-11-12T00:00:00+86399\nA.D never\nA.E never\nA.F never"},
		{name: "members", format: "pds",
			text: " Name     VV.MM   Created       Changed      Size  Init   Mod   Id\r\nFIRST     01.03 2022/09/12 2023/11/12 09:37    11    11     0 USER\r\nSECOND                                                              \r\n",
			want: "FIRST 2023-11-12T09:37:00+59\nSECOND never"},
		{name: "mini disks", format: "zvm",
			text: "PROFILE  EXEC     V         72         12          1 2023-11-12 10:20:30 DISK01\r\nSUBDIR   DIR      -          -          -          - 2023-11-12 10:20:30 -\r\n",
			want: "PROFILE.EXEC 2023-11-12T10:20:30+0\nSUBDIR 2023-11-12T10:20:30+0"},
		{name: "Windows 3", format: "win16",
			text: ".            <DIR>     Nov 16 1994 17:16\r\nREADME.TXT   1,681     Nov 17 1994 17:17   A\r\nPUB          <DIR>     11-18-94        17:18\r\n",
			want: "README.TXT 1994-11-17T17:17:00+59\nPUB 1994-11-18T17:18:00+59"},
		{name: "VMS, with what may not be seen", format: "vms",
			text: "\r\nDirectory DISK$PUB:[ANONYMOUS]\r\n\r\nA.TXT;2   1/16  12-NOV-2023 10:20:30 [SYSTEM] (RWED,RWED,RE,RE)\r\nA.TXT;1   1/16  12-NOV-2022 10:20:30 [SYSTEM] (RWED,RWED,RE,RE)\r\nB.DIR;1   %RMS-E-PRV, insufficient privilege or file protection violation\r\n\r\nTotal of 3 files, 3/48 blocks.\r\n",
			want: "A.TXT 2023-11-12T10:20:30+0\nB never"},
		{name: "seconds and year of BSD", format: "unix",
			text: "-rw-r--r-- 1 a b 5 Nov 12 10:20:30 2023 f\n-rw-r--r-- 1 a b 5 Nov 12 10:20:30 2023 2022 g\n",
			want: "f 2023-11-12T10:20:30+0\n2022 g 2023-11-12T10:20:30+0"},
		{name: "inodes and blocks", format: "unix",
			text: "total 8\n 77 4 -rw-r--r-- 1 a b 5 Nov 12 2023 f\n78 4.0K -rw-r--r-- 2 a b 5 Nov 12 2023 g\n",
			want: "f 2023-11-12T00:00:00+86399\ng 2023-11-12T00:00:00+86399"},
		{name: "a file that cannot be looked at", format: "unix",
			text: "-rw-r--r-- 1 a b 5 Nov 12 2023 f\n-????????? ? ? ? ?            ? g h\n",
			want: "f 2023-11-12T00:00:00+86399\ng h never"},
		{name: "nothing", text: "", want: ""},
		{name: "no entries", text: "total 0\r\n", want: ""},
		{name: "an error", text: "ls: cannot open directory '.': Permission denied\n", unread: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ParseList(strings.NewReader(c.text), Options{Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			if got := dates(l); got != c.want || l.Format != c.format || l.Unread != c.unread {
				t.Errorf("%q, %d unread (%q), got\n%s\nwant\n%s", l.Format, l.Unread, l.FirstUnread, got, c.want)
			}
		})
	}
}

// TestEntries has lines whose times do not matter.
func TestEntries(t *testing.T) {
	const long = "-rw-r--r-- 1 a b 5 Nov 12 2023 "
	for _, c := range []struct{ name, text, want string }{
		{"spaces around", long + " f \n" + long + "g\n", "\" f \" file 5\n\"g\" file 5"},
		{"CR LF, and a CR of the name", long + "f\r\n" + long + "Icon\r\r\n", "\"f\" file 5\n\"Icon\\r\" file 5"},
		{"LF, and a CR of the name", long + "f\n" + long + "Icon\r\n" + long + "g\n", "\"f\" file 5\n\"Icon\\r\" file 5\n\"g\" file 5"},
		{"a sum with LF, the rest with CR LF", "total 1\n" + long + "f\r\n" + long + "g\r\n", "\"f\" file 5\n\"g\" file 5"},
		{"names that are none", long + ".\n" + long + "..\n" + long + "a/b\n" + long + "a\x00b\n" + long + "\n" + long + "g\n", `"g" file 5`},
		{"twice", long + "f\ndrwxr-xr-x 1 a b 5 Nov 12 2023 f\n", `"f" file 5`},
		{"marks", "drwxr-xr-x 1 a b 5 Nov 12 2023 d/\n-rwxr-xr-x 1 a b 5 Nov 12 2023 x*\n-rw-r--r-- 1 a b 5 Nov 12 2023 f*\nlrwxrwxrwx 1 a b 1 Nov 12 2023 l -> d/\nsrwxrwxrwx 1 a b 0 Nov 12 2023 s=\n",
			"\"d\" dir\n\"x\" file 5\n\"f*\" file 5\n\"l\" symlink -> \"d\"\n\"s\" other"},
		{"no marks", "-rwxr-xr-x 1 a b 5 Nov 12 2023 x*\nlrwxrwxrwx 1 a b 2 Nov 12 2023 l -> d/\n", "\"x*\" file 5\n\"l\" symlink -> \"d/\""},
		{"arrows", "lrwxrwxrwx 1 a b 6 Nov 12 2023 a -> b -> c\nlrwxrwxrwx 1 a b 1 Nov 12 2023 a -> b -> c\nlrwxrwxrwx 1 a b 0 Nov 12 2023 bare\n-rw-r--r-- 1 a b 6 Nov 12 2023 f -> g\n",
			"\"a\" symlink -> \"b -> c\"\n\"a -> b\" symlink -> \"c\"\n\"bare\" symlink\n\"f -> g\" file 6"},
		{"hard links by inode", "7 4 -rw-r--r-- 2 a b 5 Nov 12 2023 f\n7 4 -rw-r--r-- 2 a b 5 Nov 12 2023 g\n8 4 -rw-r--r-- 1 a b 5 Nov 12 2023 h\n",
			"\"f\" file 5 = 7\n\"g\" file 5 = 7\n\"h\" file 5"},
		{"links of dir", "11-12-23  10:57AM  <SYMLINKD>     l [C:\\pub]\r\n11-12-23  10:57AM  <JUNCTION>     j [k] [C:\\pub]\r\n11-12-23  10:57AM  <DIR>          .\r\n",
			"\"l\" symlink -> \"C:\\\\pub\"\n\"j [k]\" symlink -> \"C:\\\\pub\""},
		{"spaces of dir", "11-12-23  10:57AM       <DIR>          d\r\n11-12-23  10:57AM       <DIR>            e\r\n11-12-23  10:57AM   5  f\r\n11-12-23  10:57AM   5 g\r\n",
			"\"d\" dir\n\"  e\" dir\n\" f\" file 5\n\"g\" file 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ParseList(strings.NewReader(c.text), Options{Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			if got := showAll(l.Entries); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestNames has what servers answer to NLST.
func TestNames(t *testing.T) {
	l, err := ParseNames(strings.NewReader(".\r\n..\r\n a b \r\n\xff\r\n\r\npub/f\r\n/etc/passwd\r\n a b \r\n"), Options{})
	if got := showAll(l.Entries); err != nil || got != "\" a b \" unknown\n\"\\xff\" unknown" || l.Unread != 2 || !l.Ended {
		t.Errorf("%s, %d unread, %v", got, l.Unread, err)
	}
}

// TestMLSDLinks has names of one file, and others that only share an id.
func TestMLSDLinks(t *testing.T) {
	l, err := ParseMLSD(strings.NewReader("type=file;size=5;modify=20231112102030;unique=a; f\r\n"+
		"type=file;size=5;modify=20231112102030;unique=a; g\r\n"+
		"type=file;size=6;modify=20231112102030;unique=a; other size\r\n"+
		"type=file;size=5;modify=20231112102030;unique=b; alone\r\n"+
		"type=dir;modify=20231112102030;unique=c;UNIX.mode=02755; d\r\n"+
		"type=file;unique=d; unknown\r\ntype=file;unique=d; unknown too\r\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `"f" file 5 = a
"g" file 5 = a
"other size" file 6
"alone" file 5
"d" dir
"unknown" file
"unknown too" file`
	if got := showAll(l.Entries); got != want {
		t.Errorf("got\n%s", got)
	}
	if bits, known := l.Entries[4].Mode.Bits(); bits != 0o2755 || !known {
		t.Errorf("mode %o", bits)
	}
}

// TestBounds has lists without bounds.
func TestBounds(t *testing.T) {
	const line = "-rw-r--r-- 1 a b 5 Nov 12 2023 "
	long := strings.Repeat("x", maxLine)
	l, err := ParseList(strings.NewReader(line+long+"\n"+line+"f\n"), Options{})
	if err != nil || len(l.Entries) != 1 || l.Unread != 1 || len(l.FirstUnread) > maxUnread || !l.Ended {
		t.Errorf("a long line: %+v, %v", l, err)
	}
	l, err = ParseList(strings.NewReader(line+"f\n"+line+long), Options{})
	if err != nil || len(l.Entries) != 1 || l.Unread != 1 || l.Ended {
		t.Errorf("a long last line: %+v, %v", l, err)
	}
	l, err = ParseList(strings.NewReader(line+"f\n"+line+"g"), Options{})
	if err != nil || len(l.Entries) != 2 || l.Ended {
		t.Errorf("a cut line: %+v, %v", l, err)
	}
	for _, o := range []Options{{MaxEntries: 1}, {MaxBytes: 40}} {
		l, err = ParseList(strings.NewReader(line+"f\n"+line+"g\n"), o)
		if !errors.Is(err, ErrTooLarge) || len(l.Entries) != 1 || l.Ended {
			t.Errorf("%+v: %+v, %v", o, l, err)
		}
	}
	stop := errors.New("stop")
	l, err = ParseList(broken{stop}, Options{})
	if !errors.Is(err, stop) || l.Ended {
		t.Errorf("%+v, %v", l, err)
	}
}

// TestLongLines reads lines as long as they may be, made to take much time.
func TestLongLines(t *testing.T) {
	start := time.Now()
	for _, begin := range []string{
		"lrwxrwxrwx 1 2024/11/12 10:20:30 ", "lrwxrwxrwx 1 a b 1 Nov 12 2023 ", "-rw-r--r-- ",
		"cL+++++++++|1|2024/11/12-10:20:30|rwxrwxrwx|", " 1 4 lrwxrwxrwx 1 a b 1 Nov 12 2023 ", "A;1 ", "+", "type=file;", "",
	} {
		for _, filling := range []string{" -> ", `\#101 -> `, "1 ", "Nov ", "1.", "1-", "/", "a=b;", "é", "Thg 1 ", "[", "\\ ", "|", "\t"} {
			line := begin + strings.Repeat(filling, (maxLine-100)/len(filling)) + "\n"
			text := strings.Repeat(line, 8)
			for _, read := range []func(o Options) error{
				func(o Options) error { _, err := ParseList(strings.NewReader(text), o); return err },
				func(o Options) error { _, err := ParseMLSD(strings.NewReader(text), o); return err },
				func(o Options) error { _, err := ParseRsync(strings.NewReader(text), o); return err },
				func(o Options) error {
					_, err := ReadTree(strings.NewReader(text), o, func(string, []listing.Entry) error { return nil })
					return err
				},
			} {
				if err := read(Options{}); err != nil && !errors.Is(err, ErrNoTree) {
					t.Error(err)
				}
			}
		}
	}
	// 500 times half a MiB take about a second; what grows with the square of
	// a line's length takes minutes.
	if spent := time.Since(start); spent > time.Minute {
		t.Errorf("it took %v", spent)
	}
}

// seeds are the beginnings of all lists, and all single lines.
func seeds(f *testing.F) {
	lists, _ := filepath.Glob("testdata/*.list")
	locales, _ := filepath.Glob("testdata/locales/*.list")
	for _, file := range append(lists, locales...) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 400)])
	}
	for _, name := range []string{"filezilla", "commons-net-vms", "commons-net-nt", "jlaffaye"} {
		text, err := os.ReadFile("testdata/lines-" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range bytes.Split(text, []byte(`"line": "`))[1:] {
			line, _, _ := bytes.Cut(part, []byte(`"`))
			f.Add(line)
		}
	}
}

// check holds a listing to its contract.
func check(t *testing.T, l listing.Listing) {
	names := make(map[string]bool)
	for _, e := range l.Entries {
		if !listing.ValidName(e.Name) || names[e.Name] {
			t.Errorf("the name %q", e.Name)
		}
		names[e.Name] = true
		for _, s := range []listing.Span{e.Size, e.MTime} {
			if s.Lo > s.Hi {
				t.Errorf("%q: %+v", e.Name, s)
			}
		}
		if e.Size.Known && (e.Size.Lo < 0 || e.Type != listing.File && e.Type != listing.Unknown) {
			t.Errorf("a %v of %+v bytes", e.Type, e.Size)
		}
		if e.Target != "" && e.Type != listing.Symlink {
			t.Errorf("a %v with a target", e.Type)
		}
	}
	if (l.Unread > 0) != (l.FirstUnread != "") && l.Unread == 0 {
		t.Errorf("%d unread: %q", l.Unread, l.FirstUnread)
	}
}

func FuzzParseList(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		l, _ := ParseList(bytes.NewReader(text), Options{})
		check(t, l)
	})
}

func FuzzParseMLSD(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		l, _ := ParseMLSD(bytes.NewReader(text), Options{})
		check(t, l)
		l, _ = ParseNames(bytes.NewReader(text), Options{})
		check(t, l)
	})
}

func FuzzParseRsync(f *testing.F) {
	f.Add([]byte("drwxr-xr-x           4096 2024/11/12 10:20:30 .\nlrwxrwxrwx   1 2024/11/12 10:20:30 a\\#012 -> b\n"))
	f.Add([]byte("hf+++++++++|5|2024/11/12-10:20:30|rw-r--r--|two| => a|b\ncd+++++++++|4096|2024/11/12-10:20:30|rwxr-xr-x|dir/|\n"))
	f.Add([]byte("-?????????           ? ????/??/?? ??:??:?? a\n-?????????           5 2024/11/12 10:20:?? b\n-?????????           5 2024/11/12 ??:??:?? c\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, _ := ParseRsync(bytes.NewReader(text), Options{})
		check(t, l)
	})
}

func FuzzReadTree(f *testing.F) {
	f.Add([]byte(".:\ntotal 4\ndrwxr-xr-x 2 a b 4096 Nov 12 10:20 d\n\n./d:\nlrwxrwxrwx 1 a b 1 Nov 12 10:20 l -> x\n"))
	f.Add([]byte(".:\n?????????? ? ? ?            ? ? \\#012\nlrwxrwxrwx 1 ? ?            1 ? a\\#040-> b -> c\n-rw-r--r-- 1 ? ?            ? Nov 12  2024 b\n"))
	f.Add([]byte(" 1 4 drwxr-xr-x  2 a  b  512 Nov 12 2024 .\n 2 4 -rw-r--r--  1 a  b  5 Nov 12 2024 ./a\\ \\303\\244\n"))
	f.Add([]byte("[Version]\n2\n[Files]\n1731406830\td\t4096\tlinux\n1731406830\tf-\t5\tlinux/a\n[End]\n"))
	f.Add([]byte("drwxr-xr-x   4096 2024/11/12 10:20:30 .\n-rw-r--r--   4 2024/11/12 10:20:30 real/f\n"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte("\xfd7zXZ\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		Detect(text)
		count := 0
		tree, _ := ReadTree(bytes.NewReader(text), Options{MaxBytes: 1 << 20}, func(dir string, entries []listing.Entry) error {
			if dir != "" && !validPath(dir) {
				t.Errorf("the directory %q", dir)
			}
			check(t, listing.Listing{Entries: entries})
			count += len(entries)
			return nil
		})
		if count > tree.Entries {
			t.Errorf("%d entries: %+v", count, tree)
		}
	})
}

// BenchmarkParse reads lists of 100,000 lines.
func BenchmarkParse(b *testing.B) {
	const lines = 100_000
	var unix, german, dos, mlsd, rsync strings.Builder
	for i := range lines {
		fmt.Fprintf(&unix, "-rw-r--r--    1 ftp      ftp      %8d Nov %2d 10:%02d package-%d_1.2.3-4.tar.gz\r\n", i, 1+i%28, i%60, i)
		fmt.Fprintf(&german, "-rw-r--r-- 1 ftp ftp %8d %2d. Mär 2023  package-%d_1.2.3-4.tar.gz\n", i, 1+i%28, i)
		fmt.Fprintf(&dos, "11-%02d-23  10:%02dAM  %20d package-%d_1.2.3-4.tar.gz\r\n", 1+i%28, i%60, i, i)
		fmt.Fprintf(&mlsd, "type=file;size=%d;modify=202311%02d1020%02d;UNIX.mode=0644;unique=fe00g%d; package-%d_1.2.3-4.tar.gz\r\n", i, 1+i%28, i%60, i, i)
		fmt.Fprintf(&rsync, "-rw-r--r--  %20d 2023/11/%02d 10:20:%02d package-%d_1.2.3-4.tar.gz\n", i, 1+i%28, i%60, i)
	}
	zurich, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"unix": unix.String(), "german": german.String(), "dos": dos.String(), "mlsd": mlsd.String(), "rsync": rsync.String()} {
		read := ParseList
		switch name {
		case "mlsd":
			read = ParseMLSD
		case "rsync":
			read = ParseRsync
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				l, err := read(strings.NewReader(text), Options{Clock: listing.Clock{Now: clock.Now, Zone: zurich}})
				if err != nil || len(l.Entries) != lines || l.Unread > 0 {
					b.Fatal(len(l.Entries), l.Unread, l.FirstUnread, err)
				}
			}
		})
	}
	tree := manyDirs(lines/100, 99)
	b.Run("ls-lR", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(tree)))
		for b.Loop() {
			got, err := ReadTree(strings.NewReader(tree), Options{Clock: clock}, func(string, []listing.Entry) error { return nil })
			if err != nil || got.Entries != lines || got.Unread > 0 {
				b.Fatal(got, err)
			}
		}
	})
}
