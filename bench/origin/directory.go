package origin

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// DirectoryPath is a directory of n entries; those of other serials are others.
func DirectoryPath(n, serial int) string { return fmt.Sprintf("/directory/%d/%d/", n, serial) }

// EntryName is what the directory's entry i is called.
func EntryName(i int) string { return fmt.Sprintf("package-%06d_1.2.3-4_amd64.deb", i) }

// directory answers the path of a directory as nginx does, and reports whether
// it is one.
func (s *server) directory(w http.ResponseWriter, r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, "/directory/")
	count, _, _ := strings.Cut(rest, "/")
	n, err := strconv.Atoi(count)
	if !ok || err != nil {
		return false
	}
	var page bytes.Buffer
	fmt.Fprintf(&page, "<html>\r\n<head><title>Index of %s</title></head>\r\n<body>\r\n<h1>Index of %[1]s</h1><hr><pre><a href=\"../\">../</a>\r\n", r.URL.Path)
	for i := range n {
		name := EntryName(i)
		fmt.Fprintf(&page, "<a href=\"%s\">%[1]s</a>              02-Feb-2020 20:20 %19d\r\n", name, i)
	}
	page.WriteString("</pre><hr></body>\r\n</html>\r\n")
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.Write(page.Bytes())
	return true
}
