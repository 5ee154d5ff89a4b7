// What Piccolo Admin's front end shows in another way than it is read: menus without the domain that
// stands above them, money with separators, instants as date and time of the browser's zone.
// In: what the page has drawn. Out: the same, with other text. Of the server it asks one thing: what goes
// along with a row that is about to be deleted, so that it can ask whoever deletes it.

const DOMAIN = /^(core|db|catalog|commerce|finance|marketing|target) (?=\S)/i;
const NUMBER = /^-?\d+(\.\d+)?$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const MONEY = /\b(amount|price)$/i;
const numbers = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
const two = (number) => String(number).padStart(2, "0");

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function instant(text) {
  const at = new Date(text);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

function readable() {
  for (const label of document.querySelectorAll('li > a.subtle[href^="#/"] > span')) {
    setText(label, label.textContent.replace(DOMAIN, ""));
  }
  for (const cell of document.querySelectorAll(".table_wrapper tbody td")) {
    const value = cell.querySelector(":scope > span");
    if (!value || value.children.length) continue;
    const text = value.textContent.trim();
    const head = cell.closest("table").querySelectorAll("thead th")[cell.cellIndex];
    if (INSTANT.test(text)) {
      value.title = text;
      setText(value, instant(text));
    } else if (head && MONEY.test(head.textContent.trim())) {
      cell.classList.add("amount");
      if (NUMBER.test(text)) setText(value, numbers.format(Number(text)));
    }
  }
}

let isPlanned = false;
new MutationObserver(() => {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(() => {
    isPlanned = false;
    readable();
  });
}).observe(document.documentElement, { childList: true, characterData: true, subtree: true });

const open = XMLHttpRequest.prototype.open;
XMLHttpRequest.prototype.open = function (method, url, ...more) {
  const path = new URL(url, location).pathname;
  if (method.toUpperCase() === "DELETE" && path.includes("/api/tables/")) {
    const named = `${url}${url.includes("?") ? "&" : "?"}__parts=`;
    const ask = new XMLHttpRequest();
    open.call(ask, "GET", named, false);
    ask.send();
    const parts = ask.status === 200 ? JSON.parse(ask.responseText) : { count: 0 };
    if (parts.count && confirm(`${parts.detail}\n\nDelete them all?`)) url = named + parts.count;
  }
  return open.call(this, method, url, ...more);
};
