// SPDX-License-Identifier: EUPL-1.2
// Passkeys: the one thing on the account's pages that a browser can only do by
// script. Everything else on these pages works without.
//
//   form[data-passkey=get|create][data-options=URL]   a form that is nothing but the passkey: hidden
//       until the browser can do it
//   form[data-options=URL] with [data-passkey-part]   a form with the passkey as one of two ways; its
//       part is hidden until the browser can do it, and its [data-passkey-start] makes one
//       Both: fetch the options (POST), ask the authenticator, put its answer into the field
//       "credential" and send the form.
//   [data-passkey-failed], [data-passkey-known]       shown when the person or the device said no, and
//       when the device has a passkey already
//   [data-passkey-none]                               what is said where passkeys do not work

const decode = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const encode = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

// What is bytes in the options, text in their JSON.
function parse(o) {
  o.challenge = decode(o.challenge);
  if (o.user) o.user.id = decode(o.user.id);
  for (const list of [o.allowCredentials, o.excludeCredentials]) for (const c of list ?? []) c.id = decode(c.id);
  return o;
}

// The answer as JSON; browsers before toJSON get it written out.
function write(c) {
  const r = c.response;
  const response = { clientDataJSON: encode(r.clientDataJSON) };
  for (const k of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) if (r[k]) response[k] = encode(r[k]);
  if (r.getTransports) response.transports = r.getTransports();
  return { id: c.id, rawId: encode(c.rawId), type: c.type, response, clientExtensionResults: c.getClientExtensionResults(), authenticatorAttachment: c.authenticatorAttachment ?? undefined };
}

const ceremony = (form) => form.dataset.passkey ?? 'create';

async function run(form) {
  const typed = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.dataset.options, { method: 'POST', body: typed, headers: { Accept: 'application/json' }, credentials: 'same-origin' });
  if ([401, 403, 404].includes(answer.status)) { // signed out meanwhile, to be confirmed again, or gone: the page says so
    location.reload();
    return;
  }
  if (answer.status === 422) { // what was typed beside it does not hold: the page says what
    form.elements.namedItem('credential').value = '{}';
    form.submit();
    return;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  const publicKey = parse(await answer.json());
  const credential = await navigator.credentials[ceremony(form)]({ publicKey });
  form.elements.namedItem('credential').value = JSON.stringify(write(credential));
  form.submit();
}

// start runs one ceremony at a time and says how it ended.
function start(form) {
  if (form.dataset.passkeyBusy) return;
  form.dataset.passkeyBusy = 'yes';
  const failed = form.querySelector('[data-passkey-failed]');
  const known = form.querySelector('[data-passkey-known]') ?? failed;
  failed.hidden = known.hidden = true;
  run(form).catch((err) => {
    const said = err.name === 'InvalidStateError' ? known : failed;
    said.hidden = false;
    said.focus();
  }).finally(() => { delete form.dataset.passkeyBusy; });
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    form.addEventListener('submit', (event) => { event.preventDefault(); start(form); });
  }
  for (const part of document.querySelectorAll('[data-passkey-part]')) {
    const form = part.closest('form');
    part.hidden = false;
    part.querySelector('[data-passkey-start]').addEventListener('click', () => {
      if (form.elements.namedItem('password').reportValidity()) start(form);
    });
  }
  for (const el of document.querySelectorAll('[data-passkey-none]')) el.hidden = true;
}
