// SPDX-License-Identifier: EUPL-1.2
// Live updates of the Lagezentrum. One tab of the browser holds the stream
// (Web Locks) and tells the others (BroadcastChannel), because a browser opens
// only six connections to an HTTP/1.1 server.
//
// The stream (body[data-stream]) sends event names with JSON data:
//   hello           {"resumed":bool}   on connecting; false after a break: something was missed
//   case.opened, case.updated  {"id","version","campaign"}
//   case.gone       {"id","campaign"}  it was locked: the reader does not see it any more
//   answers.changed {"id"}
//   broker          {"away":bool}      reports are delayed from now on, or no longer
// What the page shows already (body[data-stream-at], the id it was read at) is no news.
// Elements take part by attributes:
//   [data-case=ID][data-version=N][data-fragment=URL]  is fetched anew when its case has a newer version
//   [data-campaign=REF][data-count=N][data-fragment=URL]  one line for a campaign's cases, fetched anew with each of them
//   [data-one-by-one=REF]  a list of this campaign's single cases
//   [data-live=answers|refresh][data-fragment=URL]     is fetched anew on answers.changed | on every event
//   [data-live=new]      the button "2 neue Meldungen – Anzeigen"; nothing is ever inserted by itself
//   [data-live=changed]  inside a [data-case]: shown instead of a swap while someone types there

import { elements, load, replace, typing } from './fragment.js';

const url = document.body.dataset.stream;
const status = document.querySelector('[data-live=status]');
const indicator = document.querySelector('[data-live=indicator]');
const texts = status?.dataset ?? {};
const names = ['hello', 'case.opened', 'case.updated', 'case.gone', 'answers.changed', 'broker'];
const title = document.title;
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: document.body.dataset.zone || undefined });

const shownUpTo = Number(document.body.dataset.streamAt ?? -1);

const fresh = new Set(); // cases that are not on the page yet
const lots = new Map();  // campaign → its cases that are in no line of the page yet
let since = null;        // when the stream broke
let missed = false;      // the stream cannot tell all that happened
let told = 0;            // last announcement

// --- what the page shows ---

function showState(live) {
  if (!indicator) return;
  indicator.hidden = false;
  since = live ? null : since ?? new Date();
  indicator.dataset.state = live ? 'live' : 'stale';
  const text = live ? `${indicator.dataset.textLive} · ${clock.format(new Date())}` : indicator.dataset.textStale.replace('{time}', clock.format(since));
  indicator.querySelector('[data-live=text]').textContent = text;
}

// news says what is new: single cases, and a campaign's cases as one thing.
function news() {
  const n = fresh.size, refs = [...lots.keys()];
  const cases = refs.reduce((sum, ref) => sum + lots.get(ref).size, 0);
  const parts = [];
  if (n) parts.push((n === 1 ? texts.textOne : texts.textOther)?.replace('{n}', n));
  if (refs.length) parts.push((refs.length === 1 ? texts.textCampaign : texts.textCampaigns)?.replace('{ref}', refs[0]).replace('{k}', refs.length).replace('{n}', cases));
  return parts.join(' · ');
}

function showNew() {
  const n = fresh.size + lots.size;
  const text = missed ? texts.textGap : news();
  for (const bar of document.querySelectorAll('[data-live=new]')) {
    bar.hidden = n === 0 && !missed;
    bar.querySelector('[data-live=count]').textContent = text;
  }
  document.title = n ? `(${n}) ${title}` : title;
  if (status && (n || missed) && Date.now() - told > 15000) { told = Date.now(); status.textContent = text; }
  document.dispatchEvent(new CustomEvent('leitstelle:swap'));
}

const busy = new Map(); // element → ask again when done

async function refresh(e) {
  if (busy.has(e)) { busy.set(e, true); return; }
  busy.set(e, false);
  try {
    const html = await load(e.dataset.fragment);
    if (html === null) { showState(false); return; }
    if (html === '') { gone(e); return; }
    swap(e, elements(html).firstElementChild);
  } catch {
    showState(false);
  } finally {
    const again = busy.get(e);
    busy.delete(e);
    if (again && e.isConnected) refresh(e);
  }
}

function swap(old, fresh) {
  if (!old.isConnected || !fresh) return;
  if (typing(old)) {
    const note = old.querySelector('[data-live=changed]');
    if (note) note.hidden = false;
    return;
  }
  if (old.matches('tr')) fresh.classList.add('fresh');
  replace(old, fresh);
}

// gone takes away what is not there any more for this reader: a line, or the
// case that is open.
function gone(e) {
  if (e.matches('tr')) { e.remove(); document.dispatchEvent(new CustomEvent('leitstelle:swap')); }
  if (!e.matches('.pane') || !e.isConnected) return;
  const page = new URL(location.href);
  for (const name of ['fall', 't', 'vor']) page.searchParams.delete(name);
  location.replace(page);
}

const waiting = new Map(); // throttle by selector

function throttled(selector, ms) {
  if (waiting.has(selector)) return;
  waiting.set(selector, setTimeout(() => {
    waiting.delete(selector);
    document.querySelectorAll(selector).forEach(refresh);
  }, ms));
}

function onEvent(name, data) {
  if (name === 'hello') {
    if (data.resumed === false) { missed = true; showNew(); }
    throttled('[data-live=refresh][data-fragment]', 3000); // nobody tells what else changed meanwhile, as that reports are late
    return;
  }
  if (name === 'answers.changed') throttled('[data-live=answers][data-fragment]', 500);
  if (name.startsWith('case.')) onCase(name, data);
  throttled('[data-live=refresh][data-fragment]', 3000);
  showState(true);
}

function onCase(name, { id, version, campaign }) {
  const shown = [...document.querySelectorAll(`[data-case="${CSS.escape(String(id))}"]`)];
  for (const e of shown) {
    if (name === 'case.gone') gone(e);
    else if (e.dataset.fragment && !(Number(e.dataset.version) >= version)) refresh(e);
  }
  if (!document.querySelector('[data-live=new]')) return;
  if (name === 'case.gone') {
    for (const [ref, cases] of lots) if (cases.delete(id) && !cases.size) lots.delete(ref);
    fresh.delete(id);
    showNew();
  }
  const line = campaign && !document.querySelector(`[data-one-by-one="${CSS.escape(campaign)}"]`) ? campaign : '';
  if (line && document.querySelector(`[data-campaign="${CSS.escape(line)}"]`)) {
    if (fresh.delete(id)) showNew();
    throttled(`[data-campaign="${CSS.escape(line)}"][data-fragment]`, 1000);
  } else if ((name === 'case.opened' && !shown.length) || (line && fresh.delete(id))) {
    if (line) lots.set(line, lot(line, id));
    else fresh.add(id);
    showNew();
  }
}

// lot is what is known of a campaign's new cases, with one more. What a poll only
// counted (numbers) gets its id when the stream goes on from before the poll.
function lot(ref, id) {
  const known = lots.get(ref) ?? new Set();
  if (!known.has(id)) known.delete([...known].find(x => typeof x === 'number'));
  return known.add(id);
}

// --- while the stream is broken: ask for the whole page every 30 s ---

async function poll() {
  if (!since || document.hidden) return;
  try {
    const html = await load(location.href, false);
    if (!html) return;
    const page = elements(html);
    for (const row of page.querySelectorAll('tr[data-case]')) {
      const old = document.querySelector(`tr[data-case="${CSS.escape(row.dataset.case)}"]`);
      if (!old) fresh.add(row.dataset.case);
      else if (Number(row.dataset.version) > Number(old.dataset.version)) swap(old, row);
    }
    for (const row of page.querySelectorAll('tr[data-campaign]')) {
      const ref = row.dataset.campaign, old = document.querySelector(`tr[data-campaign="${CSS.escape(ref)}"]`);
      if (old) swap(old, row);
      else lots.set(ref, counted(lots.get(ref), Number(row.dataset.count)));
    }
    showNew();
  } catch { /* still broken: the indicator says so */ }
}

// counted keeps the ids that are known, and a number for each of the others.
function counted(known, n) {
  const out = [...(known ?? [])].filter(x => typeof x === 'string').slice(0, n);
  return new Set([...out, ...Array(n - out.length).keys()]);
}

// --- clocks tick without being a live region ---

const soon = 4 * 60;

function tickClocks() {
  for (const chip of document.querySelectorAll('[data-due]')) {
    const left = Math.trunc((Date.parse(chip.dataset.due) - Date.now()) / 60000);
    const minutes = Math.abs(left);
    if (Number.isNaN(left) || minutes >= 6000) continue;
    const over = Date.parse(chip.dataset.due) < Date.now();
    chip.classList.toggle('clk--over', over);
    chip.classList.toggle('clk--soon', !over && left < soon);
    chip.querySelector('use')?.setAttribute('href', over ? '#i-over' : '#i-clock');
    const word = chip.querySelector('.clk__w');
    word.textContent = over ? texts.textOver : texts.textLeft;
    chip.querySelector('.clk__t').textContent = `${over && word.matches('.sr') ? '−' : ''}${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
  }
}

// --- one stream for all tabs ---

function listen() {
  const channel = new BroadcastChannel(`leitstelle:${url}`);
  const recent = []; // what the leader heard last: a tab that joins later may have missed it
  let leader = false, live = null, last = document.body.dataset.streamAt ?? '';

  const tell = message => {
    if (message.kind === 'event' && recent.push(message) > 500) recent.shift();
    channel.postMessage(message);
    receive(message);
  };
  function receive(m) {
    if (m.kind === 'event') {
      if (m.id && !(Number(m.id) < Number(last))) last = m.id;
      if (!(m.id && m.name.startsWith('case.') && Number(m.id) <= shownUpTo)) onEvent(m.name, m.data);
    }
    if (m.kind === 'state') { live = m.live; showState(m.live); }
    if (m.kind === 'ask' && leader && live !== null) {
      channel.postMessage({ kind: 'state', live });
      for (const e of recent) if (Number(e.id) > m.at && e.name.startsWith('case.')) channel.postMessage(e);
    }
  }
  channel.onmessage = e => receive(e.data);
  channel.postMessage({ kind: 'ask', at: shownUpTo < 0 ? Infinity : shownUpTo });

  const lead = () => new Promise(() => { // never resolves: the lock is ours until the tab closes
    leader = true;
    let source, broken;
    const connect = () => {
      const address = new URL(url, location.href);
      if (last) address.searchParams.set('last_event_id', last);
      source = new EventSource(address);
      source.onopen = () => { clearTimeout(broken); broken = null; tell({ kind: 'state', live: true }); };
      source.onerror = () => {
        broken ??= setTimeout(() => tell({ kind: 'state', live: false }), 4000);
        if (source.readyState === EventSource.CLOSED) { source.close(); setTimeout(connect, 5000 + Math.random() * 5000); }
      };
      for (const name of names) {
        source.addEventListener(name, e => {
          let data = {};
          try { data = JSON.parse(e.data); } catch { return; }
          tell({ kind: 'event', name, data, id: e.lastEventId });
        });
      }
    };
    connect();
  });

  if (navigator.locks) navigator.locks.request(`leitstelle:${url}`, lead);
  else lead();
}

if (url) {
  if (globalThis.EventSource && globalThis.BroadcastChannel) listen();
  else showState(false);
  setInterval(poll, 30000);
}
setInterval(tickClocks, 20000);
tickClocks();
