// SPDX-License-Identifier: EUPL-1.2
// Passkeys: the one thing on the account's pages that a browser can only do by
// script. Everything else on these pages works without.
//
//   form[data-passkey=get|create][data-options=URL]   hidden until the browser can do it;
//       on submit: fetches options (POST), asks the authenticator, puts its answer
//       into the field "credential" and sends the form
//   [data-passkey-failed] inside the form             shown when the person or the device said no

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

async function run(form) {
  const answer = await fetch(form.dataset.options, { method: 'POST', headers: { Accept: 'application/json' }, credentials: 'same-origin' });
  if (!answer.ok) throw new Error(String(answer.status));
  const publicKey = parse(await answer.json());
  const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
  form.elements.namedItem('credential').value = JSON.stringify(write(credential));
  form.submit();
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    const failed = form.querySelector('[data-passkey-failed]');
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      failed.hidden = true;
      run(form).catch(() => { failed.hidden = false; failed.focus(); });
    });
  }
  for (const el of document.querySelectorAll('[data-passkey-none]')) el.hidden = true;
}
