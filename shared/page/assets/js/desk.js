// SPDX-License-Identifier: EUPL-1.2
// Keys of the Lagezentrum. Every key triggers a link, a button, a form or a
// <details> that is on the page anyway and says data-key="a"; rows are
// tr[data-row]. Off switch as WCAG 2.1.4 demands; nothing happens while someone
// types, with a modifier, or for a letter that AltGr makes.

const dialog = document.getElementById('keys');
const box = document.getElementById('keys-on');
const setting = 'leitstelle.keys';
let store = null;
try { store = globalThis.localStorage; } catch { /* blocked: the switch lasts for the page */ }

document.documentElement.classList.add('js');
if (box) {
  box.checked = store?.getItem(setting) !== 'off';
  box.addEventListener('change', () => { store?.setItem(setting, box.checked ? 'on' : 'off'); hints(); });
}

const visible = e => e.getClientRects().length > 0;
const rows = () => [...document.querySelectorAll('tr[data-row]')].filter(visible);
const first = selector => [...document.querySelectorAll(selector)].find(visible);

// cursor is the row with the focus, else the open one.
function cursor(list) {
  const at = document.activeElement?.closest?.('tr[data-row]');
  const i = list.indexOf(at);
  return i >= 0 ? i : list.findIndex(r => r.getAttribute('aria-current') === 'true');
}

function move(step) {
  const list = rows();
  if (!list.length) return;
  const i = Math.max(0, Math.min(list.length - 1, cursor(list) + step));
  list[i].querySelector('a')?.focus({ preventScroll: true });
  list[i].scrollIntoView({ block: 'nearest' });
}

function tick() {
  const list = rows();
  const check = list[cursor(list)]?.querySelector('input[type=checkbox]');
  if (check) { check.checked = !check.checked; check.dispatchEvent(new Event('change', { bubbles: true })); }
  return Boolean(check);
}

function open() {
  const list = rows();
  const link = list[cursor(list)]?.querySelector('a');
  link?.click();
  return Boolean(link);
}

// act does what the element is there for. A form is sent as its button would;
// one that demands a reason asks for it, since requestSubmit validates.
function act(e) {
  if (e.matches('form')) e.requestSubmit();
  else if (e.matches('input:not([type=checkbox]),textarea,select')) e.focus();
  else if (e.matches('details')) { e.open = true; (e.querySelector('input:not([type=hidden]),textarea,select') ?? e.querySelector('summary'))?.focus(); }
  else if (e.matches('summary')) act(e.parentElement);
  else e.click();
}

function tab(n) {
  const link = [...document.querySelectorAll('.tabs a')].filter(visible)[n - 1];
  link?.click();
  return Boolean(link);
}

let pending = 0; // when G was pressed

function key(name) {
  if (pending && performance.now() - pending < 1500) {
    pending = 0;
    const link = first(`[data-go="${CSS.escape(name)}"]`);
    link?.click();
    return Boolean(link);
  }
  pending = 0;
  if (name === 'g' && first('[data-go]')) { pending = performance.now(); return true; }
  if (name === 'j') { move(1); return true; }
  if (name === 'k') { move(-1); return true; }
  if (name === 'x') return tick();
  if (name === '/') { const field = first('.find input'); field?.focus(); return Boolean(field); }
  const e = first(`[data-key="${CSS.escape(name)}"]`);
  if (e) { act(e); return true; }
  return /^[1-9]$/.test(name) && tab(Number(name));
}

document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.altKey || e.metaKey || e.getModifierState('AltGraph') || e.isComposing || e.defaultPrevented || dialog?.open) return;
  const name = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  if (e.repeat && name !== 'j' && name !== 'k') return;
  if (e.target.closest?.('input:not([type=checkbox]):not([type=radio]),textarea,select,[contenteditable]')) {
    if (name === 'Escape') e.target.blur();
    return;
  }
  if (name === 'Escape') { escape(); return; }
  if (box && !box.checked && name !== '?') return;
  if (name === '?' && dialog) { e.preventDefault(); list(); dialog.showModal(); return; }
  if (name === 'Enter') {
    if (e.target.closest('a,button,summary')) return;
    if (open()) e.preventDefault();
    return;
  }
  if (name.length === 1 && name !== ' ' && key(name)) e.preventDefault();
});

// escape closes what is open, then goes back from the pane to its row.
function escape() {
  const drop = first('details[open].menu,details[open].drop');
  if (drop) { drop.open = false; drop.querySelector('summary')?.focus(); return; }
  const back = first('[data-key="Escape"]');
  if (back) { back.click(); return; }
  document.querySelector('tr[data-row][aria-current=true] a')?.focus();
}

// A click beside an open menu closes it; a click on a row opens it.
document.addEventListener('click', e => {
  for (const d of document.querySelectorAll('details[open].menu,details[open].drop')) if (!d.contains(e.target)) d.open = false;
  const row = e.target.closest?.('tr[data-row]');
  if (row && !e.target.closest('a,button,input,label,select,summary,form') && !String(getSelection())) row.querySelector('a')?.click();
});

// A row that opens beside the list is marked as the open one.
document.addEventListener('htmx:beforeRequest', e => {
  const row = e.target.closest?.('tr[data-row]');
  if (!row) return;
  for (const r of rows()) r.removeAttribute('aria-current');
  row.setAttribute('aria-current', 'true');
});

// Ticked rows: the bar says exactly how many it touches.
document.addEventListener('change', e => {
  if (e.target.matches('input[data-all]')) {
    for (const r of rows()) { const c = r.querySelector('input[type=checkbox]'); if (c) c.checked = e.target.checked; }
  }
  if (e.target.matches('input[type=checkbox]')) bulk();
});

function bulk() {
  const n = rows().filter(r => r.querySelector('input[type=checkbox]')?.checked).length;
  for (const bar of document.querySelectorAll('.bulk')) {
    bar.toggleAttribute('data-on', n > 0);
    const count = bar.querySelector('[data-bulk-count]');
    if (count) count.textContent = (n === 1 ? count.dataset.textOne : count.dataset.textOther ?? '{n}').replace('{n}', n);
  }
}

// The list of keys is read from the page, so that it never names one that does
// nothing here.
function entries() {
  const text = document.querySelector('[data-keys=list]')?.dataset ?? {};
  const out = [];
  if (rows().length) out.push([['J', 'K'], text.move], [['Enter'], text.open], [['X'], text.select]);
  const seen = new Set();
  for (const e of document.querySelectorAll('[data-key]')) {
    const k = e.dataset.key;
    if (seen.has(k) || k.length > 1 || !visible(e) && !e.closest('[hidden]')) continue;
    seen.add(k);
    out.push([[k.toUpperCase()], label(e)]);
  }
  if (first('.tabs a')) out.push([['1', '…', '6'], text.tabs]);
  if (first('.find input')) out.push([['/'], text.search]);
  for (const e of document.querySelectorAll('[data-go]')) out.push([['G', e.dataset.go.toUpperCase()], label(e)]);
  return out;
}

function label(e) {
  if (e.dataset.label) return e.dataset.label;
  const copy = (e.matches('details,form') ? e.querySelector('summary,button') ?? e : e).cloneNode(true);
  copy.querySelectorAll('kbd,.cnt,.sr,svg').forEach(x => x.remove());
  return copy.textContent.trim();
}

function caps(keys) {
  return keys.map(k => { const e = document.createElement('kbd'); e.className = 'k'; e.textContent = k; return e; });
}

function list() {
  const ul = document.querySelector('[data-keys=list]');
  ul?.replaceChildren(...entries().map(([keys, text]) => {
    const li = document.createElement('li');
    const span = document.createElement('span');
    span.append(...caps(keys));
    li.append(text, span);
    return li;
  }));
}

// hints is the foot line: the first keys, and how to see all.
function hints() {
  const foot = document.querySelector('footer.hints');
  if (!foot || !box) return;
  foot.querySelectorAll(':scope>span').forEach(e => e.remove());
  const text = document.querySelector('[data-keys=list]')?.dataset ?? {};
  const spans = (box.checked ? entries().slice(0, 10) : []).map(([keys, what]) => hint(keys, what));
  const all = hint(['?'], text.all);
  all.className = 'sp';
  foot.prepend(...spans, all);
}

function hint(keys, text) {
  const span = document.createElement('span');
  span.append(...caps(keys), ' ' + text);
  return span;
}

for (const name of ['leitstelle:swap', 'htmx:afterSettle']) document.addEventListener(name, () => { hints(); bulk(); });
hints();
bulk();
