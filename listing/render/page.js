
// Sorts and filters the rows. Without it the page is whole, only still.
const rows = document.getElementById("rows");
const compareNames = new Intl.Collator(undefined, { numeric: true }).compare;
const compare = (a, b) => a < b ? -1 : a > b ? 1 : 0;

// What a row is sorted by, column for column; null, the unknown, comes last.
const columns = [
  { key: r => r.cells[0].firstChild.textContent, compare: compareNames },
  { key: r => r.cells[1].dataset.size ? parseFloat(r.cells[1].dataset.size) : null, compare },
  { key: r => r.cells[2].textContent !== "–" ? r.cells[2].textContent.replaceAll("\u2011", "-") : null, compare },
  { key: r => -["upstream", "arriving", "here"].findIndex(s => r.classList.contains(s)), compare },
];

function sort(column, descending) {
  const { key, compare } = columns[column];
  const keyed = Array.from(rows.rows, row => ({ row, dir: row.classList.contains("dir"), key: key(row) }));
  keyed.sort((a, b) =>
    b.dir - a.dir || (a.key === null) - (b.key === null) ||
    (descending ? compare(b.key, a.key) : compare(a.key, b.key)));
  const sorted = document.createDocumentFragment();
  for (const { row } of keyed) sorted.append(row);
  rows.append(sorted);
}

document.querySelectorAll("thead th").forEach((head, column, heads) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  button.addEventListener("click", () => {
    const descending = head.ariaSort === "ascending";
    sort(column, descending);
    heads.forEach(h => h.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  });
  head.append(button);
});

const search = document.querySelector("search");
const input = search.querySelector("input");
const output = search.querySelector("output");
let names; // of the rows, in small letters; made when first needed

function filter() {
  names ??= Array.from(rows.rows, row => [row, row.cells[0].textContent.toLowerCase()]);
  const wanted = input.value.trim().toLowerCase();
  let shown = 0;
  for (const [row, name] of names) {
    const hidden = !name.includes(wanted);
    if (row.hidden !== hidden) row.hidden = hidden;
    shown += !hidden;
  }
  output.textContent = wanted && `${shown.toLocaleString("en")} of ${names.length.toLocaleString("en")}`;
}

input.addEventListener("input", filter);
input.addEventListener("keydown", e => {
  if (e.key === "Escape") { input.value = ""; filter(); }
});
search.hidden = rows.rows.length === 0;
if (input.value) filter(); // the browser kept it over a reload
