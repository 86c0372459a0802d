package page

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"mirror/listing"
)

// show writes an entry in a line: its name, type, size and time, each as wide
// as it is.
//
//	a.txt file 1234 2024-05-17T13:24:00+59s
func show(e listing.Entry) string {
	size, mtime := "-", "-"
	if e.Size.Known {
		size = fmt.Sprint(e.Size.Lo)
		if !e.Size.Exact() {
			size += fmt.Sprint("-", e.Size.Hi)
		}
	}
	if e.MTime.Known {
		mtime = time.Unix(e.MTime.Lo, 0).UTC().Format("2006-01-02T15:04:05")
		if !e.MTime.Exact() {
			mtime += fmt.Sprintf("+%ds", e.MTime.Width())
		}
	}
	line := fmt.Sprintf("%s %s %s %s", e.Name, e.Type, size, mtime)
	if bits, ok := e.Mode.Bits(); ok {
		line += fmt.Sprintf(" %04o", bits)
	}
	if e.Target != "" {
		line += " -> " + e.Target
	}
	return line
}

func showAll(l listing.Listing) string {
	var b strings.Builder
	for _, e := range l.Entries {
		b.WriteString(show(e) + "\n")
	}
	return b.String()
}

// likenesses are pages in the manner of servers that the corpus has no page of.
// Each lists d/ and a.txt of 1234 bytes, changed on 2024-05-17 at 13:24:56, as
// well as the server tells.
var likenesses = []struct {
	name, page, want string
}{
	{"jetty, old", `<HTML><HEAD><TITLE>Directory: /pub/</TITLE></HEAD><BODY><H1>Directory: /pub/</H1>
<TABLE BORDER=0>
<TR><TD><A HREF="/">Parent Directory</A></TD><TD></TD><TD></TD></TR>
<TR><TD><A HREF="/pub/a.txt">a.txt&nbsp;</A></TD><TD ALIGN=right>1234 bytes&nbsp;</TD><TD>May 17, 2024 1:24:56 PM</TD></TR>
<TR><TD><A HREF="/pub/d/">d/&nbsp;</A></TD><TD ALIGN=right>4096 bytes&nbsp;</TD><TD>May 17, 2024 1:24:56 PM</TD></TR></TABLE>
</BODY></HTML>`, "a.txt file 1234 2024-05-17T13:24:56\nd dir - 2024-05-17T13:24:56\n"},

	{"jetty, with a narrow blank before PM", "<!DOCTYPE html><html><body><h1 class=\"title\">Directory: /pub/</h1><table class=\"listing\"><thead><tr><th class=\"name\"><a href=\"?C=N&O=D\">Name&nbsp; &#8679;</a></th>" +
		"<th class=\"lastmodified\"><a href=\"?C=M&O=A\">Last Modified</a></th><th class=\"size\"><a href=\"?C=S&O=A\">Size</a></th></tr></thead><tbody><tr><td class=\"name\"><a href=\"/pub/a.txt\">a.txt&nbsp;</a></td>" +
		"<td class=\"lastmodified\">May 17, 2024, 1:24:56\u202fPM&nbsp;</td><td class=\"size\">1,234 bytes&nbsp;</td></tr></tbody></table></body></html>", "a.txt file 1234 2024-05-17T13:24:56\n"},

	{"iis", `<html><head><title>one.example - /pub/</title></head><body><H1>one.example - /pub/</H1><hr><pre><A HREF="/">[To Parent Directory]</A><br><br> 5/17/2024  1:24 PM        &lt;dir&gt; <A HREF="/pub/d/">d</A><br> 5/17/2024  1:24 PM         1234 <A HREF="/pub/a.txt">a.txt</A><br></pre><hr></body></html>`,
		"d dir - 2024-05-17T13:24:00+59s\na.txt file 1234 2024-05-17T13:24:00+59s\n"},

	{"iis 6", `<pre><A HREF="/">[To Parent Directory]</A><br><br>     Friday, May 17, 2024  1:24 PM        &lt;dir&gt; <A HREF="/pub/d/">d</A><br>     Friday, May 17, 2024  1:24 PM         1234 <A HREF="/pub/a.txt">a.txt</A><br></pre>`,
		"d dir - 2024-05-17T13:24:00+59s\na.txt file 1234 2024-05-17T13:24:00+59s\n"},

	{"iis, German", `<pre><A HREF="/">[Zum &#252;bergeordneten Verzeichnis]</A><br><br>17.05.2024    13:24        &lt;dir&gt; <A HREF="/pub/d/">d</A><br>03.04.2024    13:24         1234 <A HREF="/pub/a.txt">a.txt</A><br></pre>`,
		"d dir - 2024-05-17T13:24:00+59s\na.txt file 1234 2024-04-03T13:24:00+59s\n"},

	{"iis, French", `<pre><A HREF="/">[Vers le r&#233;pertoire parent]</A><br><br>vendredi 17 mai 2024    13:24        &lt;dir&gt; <A HREF="/pub/d/">d</A><br>mardi 3 avril 2018    13:24         1234 <A HREF="/pub/a.txt">a.txt</A><br></pre>`,
		"d dir - 2024-05-17T13:24:00+59s\na.txt file 1234 2018-04-03T13:24:00+59s\n"},

	{"thttpd", `<HTML><HEAD><TITLE>Index of /pub/</TITLE></HEAD><BODY><H2>Index of /pub/</H2>
<PRE>
mode  links  bytes  last-changed  name
<HR>drwxr-xr-x   2    4096  May 17 13:24  <A HREF="/pub/./">.</A>/
drwxr-xr-x   3    4096  May 17 13:24  <A HREF="/pub/../">..</A>/
drwxr-xr-x   2    4096  May 17 13:24  <A HREF="/pub/d/">d</A>/
-rw-r--r--   1    1234  May 17  2024  <A HREF="/pub/a.txt">a.txt</A>
lrwxrwxrwx   1       5  May 17  2024  <A HREF="/pub/l">l</A> -&gt; a.txt
</PRE></BODY></HTML>`, "d dir - 2026-05-17T13:24:00+59s 0755\na.txt file 1234 2024-05-17T00:00:00+86399s 0644\nl symlink 5 2024-05-17T00:00:00+86399s -> a.txt\n"},

	{"webfs", `<head><title>listing: /pub/</title></head><body><h1>listing: /pub/</h1><hr noshade size=1><pre>
<b>access      user      group     date             size  name</b>

drwxr-xr-x  root      root      May 17 13:24     &lt;DIR&gt;  <a href="/pub/../">..</a>
drwxr-xr-x  root      root      May 17 13:24     &lt;DIR&gt;  <a href="/pub/d/">d</a>
-rw-r--r--  root      root      May 17 13:24    1234 B  <a href="/pub/a.txt">a.txt</a>
</pre><hr noshade size=1></body>`, "d dir - 2026-05-17T13:24:00+59s 0755\na.txt file 1234 2026-05-17T13:24:00+59s 0644\n"},

	{"serve-index", `<!DOCTYPE html><html><body class="directory"><h1><a href="/">~</a> / <a href="/pub">pub</a> /</h1>
<ul id="files" class="view-details"><li class="header"><span class="name">Name</span><span class="size">Size</span><span class="date">Modified</span></li>
<li><a href="/" class="icon icon-directory" title=".."><span class="name">..</span><span class="size"></span><span class="date"></span></a></li>
<li><a href="/pub/d" class="icon icon-directory" title="d"><span class="name">d</span><span class="size"></span><span class="date">Fri May 17 2024 1:24:56 PM</span></a></li>
<li><a href="/pub/a.txt" class="icon icon icon-txt icon-text" title="a.txt"><span class="name">a.txt</span><span class="size">1234</span><span class="date">Fri May 17 2024 1:24:56 PM</span></a></li></ul></body></html>`,
		"d dir - 2024-05-17T13:24:56\na.txt file 1234 2024-05-17T13:24:56\n"},

	{"http-server", `<html><body><h1>Index of /pub/</h1>
<table><tr><td><i class="icon icon-_blank"></i></td><td class="perms"><code>(drwxr-xr-x)</code></td><td class="last-modified">17-May-2024 13:24</td><td class="file-size"><code></code></td><td class="display-name"><a href="../">../</a></td></tr>
<tr><td><i class="icon icon-_blank"></i></td><td class="perms"><code>(drwxr-xr-x)</code></td><td class="last-modified">17-May-2024 13:24</td><td class="file-size"><code></code></td><td class="display-name"><a href="./d/">d/</a></td></tr>
<tr><td><i class="icon icon-txt"></i></td><td class="perms"><code>(-rw-r--r--)</code></td><td class="last-modified">17-May-2024 13:24</td><td class="file-size"><code>1.2k</code></td><td class="display-name"><a href="./a.txt">a.txt</a></td></tr></table>
<br><address>Node.js v18.13.0/ <a href="https://one.example/http-party/http-server">http-server</a> server</address></body></html>`,
		"d dir - 2024-05-17T13:24:00+59s 0755\na.txt file 1126-1332 2024-05-17T13:24:00+59s 0644\n"},

	{"go", "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n<a href=\"a.txt\">a.txt</a>\n<a href=\"d/\">d/</a>\n</pre>\n", "a.txt file - -\nd dir - -\n"},

	{"nexus", `<html><body><h1>Index of /pub</h1><table cellspacing="10"><tr><th align="left">Name</th><th>Last Modified</th><th>Size</th><th>Description</th></tr>
<tr><td><a href="../">Parent Directory</a></td></tr>
<tr><td><a href="http://one.example/pub/d/">d/</a></td><td>Fri May 17 13:24:56 UTC 2024</td><td align="right">&nbsp;</td><td></td></tr>
<tr><td><a href="http://one.example/pub/a.txt">a.txt</a></td><td>Fri May 17 13:24:56 UTC 2024</td><td align="right">1234</td><td></td></tr></table></body></html>`,
		"d dir - 2024-05-17T13:24:56\na.txt file 1234 2024-05-17T13:24:56\n"},

	{"asp.net", `<!DOCTYPE html><html lang="de"><body><section id="main"><header><h1>Index of <a href="/">/</a><a href="/pub/">pub/</a></h1></header>
<table id="index"><thead><tr><th abbr="Name">Name</th><th abbr="Size">Size</th><th abbr="Modified">Last Modified</th></tr></thead><tbody>
<tr class="directory"><td class="name"><a href="./d/">d/</a></td><td></td><td class="modified">17.05.2024 13:24:56 &#x2B;00:00</td></tr>
<tr class="file"><td class="name"><a href="./a.txt">a.txt</a></td><td class="length">1.234</td><td class="modified">17.05.2024 13:24:56 &#x2B;00:00</td></tr></tbody></table></section></body></html>`,
		"d dir - 2024-05-17T13:24:56\na.txt file 1234 2024-05-17T13:24:56\n"},

	{"wget's, of an FTP server", `<html><head><title>Index of /pub/ on one.example:21</title></head><body><h1>Index of /pub/ on one.example:21</h1><hr><pre>
  2024 May 17 13:24  Directory   <a href="http://one.example/pub/d/">d/</a>
  2024 May 17 13:24  File        <a href="http://one.example/pub/a.txt">a.txt</a>  (1,234 bytes)
</pre></body></html>`, "d dir - 2024-05-17T13:24:00+59s\na.txt file 1234 2024-05-17T13:24:00+59s\n"},

	{"static-web-server", `<html><body><h1>Index of /pub/</h1><hr><table><tr><th>Name</th><th>Last modified</th><th>Size</th></tr><tr><td colspan="3"><a href="../">../</a></td></tr>
<tr><td><a href="d/">d/</a></td><td>17-05-2024 13:24</td><td align="right">-</td></tr><tr><td><a href="a.txt">a.txt</a></td><td>03-04-2024 13:24</td><td align="right">1.21 KiB</td></tr></table></body></html>`,
		"d dir - 2024-05-17T13:24:00+59s\na.txt file 1228-1250 2024-04-03T13:24:00+59s\n"},

	{"hfs", `<html><body><h1>pub</h1><table><tr><th><a href="?sort=n">Filename</a><th><a href="?sort=s">Filesize</a><th><a href="?sort=t">Filetime</a><th>Hits</tr>
<tr><td><input type='checkbox' name='selection' value="d/"> <a href="d/"><img src="/~img_folder"> d</a><td align=right><i>folder</i><td align=right>5/17/2024 1:24:56 PM<td>7
<tr><td><input type='checkbox' name='selection' value="a.txt"> <a href="a.txt"><img src="/~img0"> a.txt</a><td align=right>1.2 KB<td align=right>5/17/2024 1:24:56 PM<td>3
</table></body></html>`, "d dir - 2024-05-17T13:24:56\na.txt file 1126-1332 2024-05-17T13:24:56\n"},

	{"directory lister", `<html><body><ul id="directory-listing"><li data-name=".." data-href="/"><a href="/" class="clearfix" data-name=".."><div class="row"><span class="file-name"><i class="fa fa-level-up"></i>..</span><span class="file-size">-</span><span class="file-modified"></span></div></a></li>
<li data-name="d" data-href="/pub/d/"><a href="/pub/d/" class="clearfix"><div class="row"><span class="file-name"><i class="fa fa-folder"></i>d</span><span class="file-size">-</span><span class="file-modified">2024-05-17 13:24:56</span></div></a></li>
<li data-name="a.txt" data-href="/pub/a.txt"><a href="/pub/a.txt" class="clearfix"><div class="row"><span class="file-name"><i class="fa fa-file-text"></i>a.txt</span><span class="file-size">1.21KB</span><span class="file-modified">2024-05-17 13:24:56</span></div></a>
<a href="javascript:void(0)" class="file-info-button"><i class="fa fa-info-circle"></i></a></li></ul></body></html>`,
		"d dir - 2024-05-17T13:24:56\na.txt file 1228-1250 2024-05-17T13:24:56\n"},

	{"sections", `<html><body><header><h1>pub</h1></header><main><div class="list">
<div class="entry"><div class="name"><a href="d/">d</a></div><div class="date">2024-05-17 13:24</div><div class="size">-</div></div>
<div class="entry"><div class="name"><a href="a.txt">a.txt</a></div><div class="date">2024-05-17 13:24</div><div class="size">1.2 KiB</div></div>
</div></main><footer><div>2026-01-02 03:04</div></footer></body></html>`,
		"d dir - 2024-05-17T13:24:00+59s\na.txt file 1126-1332 2024-05-17T13:24:00+59s\n"},

	{"sections, the time first", `<html><body><div class="list">
<div class="entry"><div class="date">2024-05-16 13:24</div><div class="name"><a href="d/">d</a></div></div>
<div class="entry"><div class="date">2024-05-17 13:24</div><div class="name"><a href="a.txt">a.txt</a></div></div>
</div></body></html>`,
		"d dir - -\na.txt file - 2024-05-17T13:24:00+59s\n"},

	{"a table with several names in a row", `<html><body><table><tr><td><a href="a.txt">a.txt</a></td><td><a href="b.txt">b.txt</a></td></tr><tr><td><a href="d/">d/</a></td></tr></table></body></html>`,
		"a.txt file - -\nb.txt file - -\nd dir - -\n"},

	{"a table for the layout", `<html><body><table><tr><td><a href="/about.html">About</a></td><td><a href="a.txt">a.txt</a> 1.2K<br><a href="d/">d/</a> -<br></td></tr></table></body></html>`,
		"a.txt file 1126-1332 -\nd dir - -\n"},

	{"the size in kilobytes by its heading", `<html><body><table><tr><th>Nome</th><th>Tamanho (KB)</th><th>Modificado</th></tr><tr><td><a href="a.txt">a.txt</a></td><td>2</td><td>17 de maio de 2024 13:24</td></tr></table></body></html>`,
		"a.txt file 1024-3073 2024-05-17T13:24:00+59s\n"},

	{"details beside each file", `<html><body><table><tr><th>Name</th><th>Last modified</th><th>Size</th><th>Metadata</th></tr><tr><td><a href="a.txt">a.txt</a></td><td>17-May-2024 13:24</td><td>1.2K</td><td><a href="a.txt.mirrorlist">Details</a></td></tr></table></body></html>`,
		"a.txt file 1126-1332 2024-05-17T13:24:00+59s\n"},

	{"downloads with a query", `<html><body><h1>Index of /pub</h1><ul><li><a href="a.txt?download=1">a.txt</a></li><li><a href="b.txt?raw">view</a></li><li><a href="d/?sort=name#top">d/</a></li></ul></body></html>`,
		"a.txt file - -\nd dir - -\n"},

	{"caddy, older", `<html><body><table aria-describedby="summary"><thead><tr><th></th><th><a href="?sort=name&order=desc">Name</a></th><th><a href="?sort=size&order=asc">Size</a></th><th class="hideable"><a href="?sort=time&order=asc">Modified</a></th></tr></thead><tbody>
<tr class="file"><td></td><td><a href="./d/"><svg><use xlink:href="#folder"></use></svg><span class="name">d</span></a></td><td data-order="-1">&mdash;</td><td class="hideable"><time datetime="2024-05-17T13:24:56Z">05/17/2024 01:24:56 PM +00:00</time></td></tr>
<tr class="file"><td></td><td><a href="./a.txt"><span class="name">a.txt</span></a></td><td data-order="1234">1.2 KiB</td><td class="hideable"><time datetime="2024-05-17T13:24:56Z">05/17/2024 01:24:56 PM +00:00</time></td></tr></tbody></table></body></html>`,
		"d dir - 2024-05-17T13:24:56\na.txt file 1234 2024-05-17T13:24:56\n"},

	{"a table that sorts by something else", `<html><body><table><tr><th>Name</th><th>Size</th></tr><tr><td><a href="a.txt">a.txt</a></td><td data-order="3">1.2 KiB</td></tr></table></body></html>`,
		"a.txt file 1126-1332 -\n"},

	{"a slash behind the link", "<html><body><pre><a href=\"d\">d</a>/\n<a href=\"a.txt\">a.txt</a>          1234\n</pre></body></html>", "d dir - -\na.txt file 1234 -\n"},

	{"a slash in the text", `<html><body><ul><li><a href="/pub/d" title="d/">d/</a></li><li><a href="/pub/a.txt">a.txt</a></li></ul></body></html>`, "d dir - -\na.txt file - -\n"},

	{"descriptions and no sizes", `<html><body><pre>      <a href="?C=N;O=D">Name</a>                    <a href="?C=D;O=A">Description</a><hr><img src="/icons/unknown.gif" alt="[   ]"> <a href="a.txt">a.txt</a>                   5 MB of 2024-01-01 12:00
<hr></pre></body></html>`, "a.txt file - -\n"},

	{"a listing for those without scripts", `<html><body><div id="app"></div><svg class="x"/><noscript><ul><li><a href="a.txt">a.txt</a></li></ul></noscript></body></html>`, "a.txt file - -\n"},

	{"icons that are words", `<html><body><ul><li><i class="material-icons">folder</i> <a href="d">d</a></li><li><a href="e"><i class="material-icons">folder</i>e</a></li><li>📁 <a href="f">f</a></li><li><a href="a.txt"><i>description</i> <span>a.txt</span> <small>1.2 KB</small></a></li></ul></body></html>`,
		"d dir - -\ne dir - -\nf dir - -\na.txt file 1126-1332 -\n"},

	{"a count before the size", `<html><body><table><tr><td>1</td><td><a href="a.txt">a.txt</a></td><td>12</td><td>1.2 KB</td><td>2024-05-17</td></tr></table></body></html>`, "a.txt file 1126-1332 2024-05-17T00:00:00+86399s\n"},

	{"a count under a heading of its own", `<html><body><table><tr><th>Name</th><th>Visits</th><th>Size</th></tr><tr><td><a href="a.txt">a.txt</a></td><td>12</td><td></td></tr></table></body></html>`, "a.txt file - -\n"},

	{"everything in brackets", `<html><body><ul><li><a href="a.txt">a.txt</a> (1.2 MB, 2024-05-17)</li></ul></body></html>`, "a.txt file 1153433-1363149 2024-05-17T00:00:00+86399s\n"},

	{"hfs 3", `<html><body><div id="files"><div class="item item-type-folder"><div class="item-link"><a href="d/"><img alt="iconlink" src="/~img_folder" /> d</a></div>
<div class="item-props"><span class="item-ts"><i></i> 2024-05-17 13:24</span> <button title="More"><i></i></button></div><div class="clearer"></div></div>
<div class="item item-type-file"><div class="item-link"><a href="a.txt"><img alt="iconlink" src="/~img41" /> a.txt</a></div>
<div class="item-props"><span class="item-ts"><i></i> 2024-05-17 13:24</span> <span class="item-size"><i></i> 1.2KB</span> <button title="More"><i></i></button></div><div class="clearer"></div></div></div></body></html>`,
		"d dir - 2024-05-17T13:24:00+59s\na.txt file 1126-1332 2024-05-17T13:24:00+59s\n"},

	{"icons without texts", `<html><body><table><tr><td><img src="/icon/folder.gif"></td><td><a href="d">d</a></td><td>05/17/24 13:24</td><td></td></tr><tr><td><img src="/icon/text.gif"></td><td><a href="a.txt">a.txt</a></td><td>05/17/24 13:24</td><td>1.2 KB</td></tr></table></body></html>`,
		"d dir - 2024-05-17T13:24:00+59s\na.txt file 1126-1332 2024-05-17T13:24:00+59s\n"},

	{"rows in classes, directories with sizes", `<html><body><table><tr class="litem dir"><td><a href="d">d</a></td><td>466.00 MB</td></tr><tr class="litem file"><td><a href="a.txt">a.txt</a></td><td>1.2 KB</td></tr></table></body></html>`,
		"d dir - -\na.txt file 1126-1332 -\n"},

	{"all cells linked", `<html><body><table><tr><th>Filename</th><th>Type</th><th>Size</th><th>Date Modified</th></tr><tr><td><a href="./d">d</a></td><td><a href="./d">&lt;Directory&gt;</a></td><td><a href="./d">&lt;Directory&gt;</a></td><td><a href="./d">17 May 2024 1:24 PM</a></td></tr>
<tr><td><a href="./a.txt">a.txt</a></td><td><a href="./a.txt">TXT File</a></td><td><a href="./a.txt">⇩ 1.2 KB</a></td><td><a href="./a.txt">17 May 2024 1:24 PM</a></td></tr></table></body></html>`,
		"d dir - 2024-05-17T13:24:00+59s\na.txt file 1126-1332 2024-05-17T13:24:00+59s\n"},

	{"decimal units, and the bytes beside them", `<html><body><table><tr><th>Name</th><th>Size</th></tr><tr><td><a href="a.zip">a.zip</a></td><td>4.8 MB<br><small>(4,789,380 bytes)</small></td></tr><tr><td><a href="b.zip">b.zip</a></td><td>5 files</td></tr></table></body></html>`,
		"a.zip file 4789380 -\nb.zip file - -\n"},

	{"times for scripts in running text", `<html><body><main><a href="a.txt">a.txt</a> <time datetime="2024-05-17T13:24:56Z">last year</time> 1.2 KB <a href="b.txt">b.txt</a> <time datetime="2024-05-18T13:24:56Z">last <b>year</b></time> 2.2 KB</main></body></html>`,
		"a.txt file 1126-1332 2024-05-17T13:24:56\nb.txt file 2150-2356 2024-05-18T13:24:56\n"},

	{"links with their targets", `<html><body><table><tr><th>Name</th><th>Size</th><th>Modified</th></tr><tr><td><a href="l">l <span>→ a b</span></a></td><td></td><td>2024-05-17</td></tr><tr><td><a href="%E2%86%92x">→x</a></td><td>1.2 KB</td><td></td></tr></table></body></html>`,
		"l symlink - 2024-05-17T00:00:00+86399s -> a b\n→x file 1126-1332 -\n"},

	{"our own", `<html><body><table><thead><tr><th scope="col">Name</th><th scope="col">Size</th><th scope="col">Modified (UTC)</th><th scope="col">Where</th></tr></thead><tbody id="rows">
<tr class="dir"><th scope="row"><a href="d/">d/</a></th><td></td><td data-time="1715900000..1715990000" title="between …">2024‑05‑16 – 2024‑05‑17</td><td></td></tr>
<tr class="file here"><th scope="row"><a href="a.txt">a.txt</a></th><td data-size="7759463..7969177" title="between …">≈ 7.5 MiB</td><td><time datetime="2024-05-17T13:24Z">2024-05-17 13:24</time></td><td>here</td></tr>
<tr class="symlink upstream"><th scope="row"><a href="k">k</a> <span>⇢ \u{7} 1.2M</span></th><td>–</td><td>–</td><td>upstream</td></tr>
<tr class="symlink upstream"><th scope="row"><a href="l">l</a> <span>→ 2024-05-17 13:24</span></th><td>–</td><td>–</td><td>upstream</td></tr></tbody></table></body></html>`,
		"d dir - 2024-05-16T22:53:20+90000s\na.txt file 7759463-7969177 2024-05-17T13:24:00+59s\nk symlink - -\nl symlink - - -> 2024-05-17 13:24\n"},

	{"numbers for scripts", `<html><body><table><tr><th>Name</th><th>Size</th><th>Modified</th></tr>
<tr data-size="1" data-time="2"><td><a href="a">a</a></td><td data-bytes="1234">1.2 KiB</td><td data-time="1715952296">2024-05-17 13:24</td></tr>
<tr class="icon-symlink"><td><a href="b">b</a></td><td data-size="9">1.2 KiB</td><td data-time="9">2024-05-17 13:24</td></tr>
<tr><td><a href="c">c</a></td><td data-size="-1"></td><td data-time="1715952296000">in May</td></tr>
<tr><td><a href="e">e</a></td><td data-size="9..3">some</td><td data-time="1715952296">in May</td></tr></table></body></html>`,
		"a file 1234 2024-05-17T13:24:56\nb file 1126-1332 2024-05-17T13:24:00+59s\nc file - -\ne file - 2024-05-17T13:24:56\n"},

	{"russian", `<html><body><table><tr><th>Имя файла</th><th>Размер</th><th>Изменён</th></tr><tr><td><a href="a.txt">a.txt</a></td><td>1,2 КБ</td><td>17 мая 2024 г. 13:24</td></tr></table></body></html>`,
		"a.txt file 1126-1332 2024-05-17T13:24:00+59s\n"},

	{"chinese", `<html><body><table><tr><th>文件名</th><th>大小</th><th>修改时间</th></tr><tr><td><a href="a.txt">a.txt</a></td><td>1.2 KB</td><td>2024年5月17日 13:24</td></tr></table></body></html>`,
		"a.txt file 1126-1332 2024-05-17T13:24:00+59s\n"},
}

func TestFamilies(t *testing.T) {
	base, _ := url.Parse("http://one.example/pub/")
	for _, c := range likenesses {
		t.Run(c.name, func(t *testing.T) {
			l, err := Parse([]byte(c.page), Input{Base: base, Clock: listing.Clock{Now: corpusNow, Zone: time.UTC}})
			if err != nil {
				t.Fatal(err)
			}
			if got := showAll(l); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
			if l.Ended == unproven[c.name] {
				t.Errorf("ended: %t", l.Ended)
			}
		})
	}
}
