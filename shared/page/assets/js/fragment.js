// SPDX-License-Identifier: EUPL-1.2
// The one Trusted Types policy ("cert-fragment") and the only way from text to
// elements: answers of our own origin, parsed inert, freed of anything active.

const policy = globalThis.trustedTypes
  ? globalThis.trustedTypes.createPolicy('cert-fragment', { createHTML: html => html })
  : { createHTML: html => html };

// htmx parses answers itself; under Trusted Types that needs the policy.
const text = value => (typeof value === 'string' ? policy.createHTML(value) : value);
const parse = DOMParser.prototype.parseFromString;
DOMParser.prototype.parseFromString = function (html, type) { return parse.call(this, text(html), type); };
if (Document.parseHTMLUnsafe) {
  const whole = Document.parseHTMLUnsafe;
  Document.parseHTMLUnsafe = (html, ...more) => whole.call(Document, text(html), ...more);
}

const active = 'script,iframe,object,embed,base,meta,link';

// elements turns an own server's HTML into a DocumentFragment.
export function elements(html) {
  const box = document.createElement('template');
  box.innerHTML = policy.createHTML(html);
  box.content.querySelectorAll(active).forEach(e => e.remove());
  for (const e of box.content.querySelectorAll('*')) {
    for (const a of [...e.attributes]) if (a.name.startsWith('on')) e.removeAttribute(a.name);
  }
  return box.content;
}

// load fetches a fragment. A redirect means that the session has ended: null.
export async function load(url, asFragment = true) {
  const answer = await fetch(url, {
    headers: asFragment ? { 'HX-Request': 'true' } : {}, credentials: 'same-origin', redirect: 'manual', cache: 'no-store',
  });
  if (answer.type === 'opaqueredirect' || answer.status === 401) return null;
  if (answer.status === 404 || answer.status === 410) return '';
  if (!answer.ok) throw new Error(`fragment ${answer.status}`);
  return answer.text();
}

const focusable = 'a,button,input,select,textarea,summary';

// replace swaps an element for its new self and keeps the focus, the tick and
// the marker of the open row where they were.
export function replace(old, fresh) {
  const spot = old.contains(document.activeElement) ? [...old.querySelectorAll(focusable)].indexOf(document.activeElement) : -1;
  const ticked = [...old.querySelectorAll('input[type=checkbox]')].map(box => box.checked);
  const current = old.getAttribute('aria-current');
  if (current && !fresh.hasAttribute('aria-current')) fresh.setAttribute('aria-current', current);
  old.replaceWith(fresh);
  fresh.querySelectorAll('input[type=checkbox]').forEach((box, i) => { if (ticked[i]) box.checked = true; });
  if (spot >= 0) fresh.querySelectorAll(focusable)[spot]?.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent('leitstelle:swap', { detail: fresh }));
}

// typing says whether someone is at work inside an element: then it is not
// taken from under their hands.
export function typing(e) {
  const at = document.activeElement;
  if (e.contains(at) && at.matches('input:not([type=checkbox]),textarea,select')) return true;
  return [...e.querySelectorAll('textarea,input:not([type=checkbox]):not([type=radio]):not([type=hidden])')].some(f => f.value !== f.defaultValue);
}
