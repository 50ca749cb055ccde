// Makes forms marked data-pisteur friendlier: mistakes beside their fields, no second page, proof of work in the
// background. Without this script the same forms work all the same. Words come from the server.
(() => {
  'use strict';
  const LONGEST = 30000;
  const page = document.documentElement;
  const parentOrigin = page.dataset.parent;
  let parentListens = false;

  const ask = (url) => fetch(url, { headers: { Accept: 'application/json' }, cache: 'no-store', credentials: 'omit',
    signal: AbortSignal.timeout(LONGEST) }).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  const KEYS = ['access_key', 'apikey', '_form', 'form-name'];
  const named = (form, name) => [...form.elements].filter((field) => field.name === name);
  const words = (form, key, otherwise) => form.getAttribute('data-' + key) || otherwise;

  function hidden(form, name, value) {
    let field = named(form, name)[0];
    if (!field) {
      field = document.createElement('input');
      field.type = 'hidden';
      field.name = name;
      form.append(field);
    }
    field.value = value;
  }

  // -- proof of work: ALTCHA version 2 -----------------------------------------------------------------------------

  const fromHex = (text) => Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
  const toHex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

  async function derive(task, counter) {
    const nonce = fromHex(task.nonce);
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    new DataView(password.buffer).setUint32(nonce.length, counter);
    const key = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
    const way = { name: 'PBKDF2', hash: task.algorithm.split('/')[1], salt: fromHex(task.salt), iterations: task.cost };
    return toHex(await crypto.subtle.deriveBits(way, key, task.keyLength * 8));
  }

  async function solve(challenge) {
    const task = challenge.parameters;
    const began = Date.now();
    const together = 16;
    for (let first = 0; first < 2 ** 32; first += together) {
      const keys = await Promise.all(Array.from({ length: together }, (_, i) => derive(task, first + i)));
      const found = keys.findIndex((key) => key.startsWith(task.keyPrefix));
      if (found >= 0) {
        const solution = { counter: first + found, derivedKey: keys[found], time: Date.now() - began };
        return { value: btoa(JSON.stringify({ challenge, solution })), until: (task.expiresAt || Infinity) * 1000 };
      }
    }
    return null;
  }

  // -- services that tell persons from machines: their own scripts fill in a field; what it holds is taken once ---------

  const SERVICES = {
    'cf-turnstile': (box) => window.turnstile.reset(box),
    'h-captcha': (box) => window.hcaptcha.reset(box.querySelector('iframe').dataset.hcaptchaWidgetId),
    'g-recaptcha': (box) => window.grecaptcha.reset([...document.querySelectorAll('.g-recaptcha')].indexOf(box)),
    'frc-captcha': (box) => box.frcWidget.reset(),
  };
  const UNSPENT = ['invalid_fields', 'captcha_missing', 'rate_limited'];
  // One that did not come has nothing to give a second time.
  const renew = (form) => Object.entries(SERVICES).forEach(([name, reset]) => form.querySelectorAll('.' + name).forEach((box) => {
    try { reset(box); } catch { /* not there */ }
  }));
  const until = async (there, patience) => {
    for (const end = Date.now() + patience; !there() && Date.now() < end;) await new Promise((go) => { setTimeout(go, 100); });
  };

  // What needs no hand is waited for, but not for long: the server keeps what comes without.
  async function confirmed(form) {
    const asked = form.querySelector('.pisteur-recaptcha-v3');
    if (asked) {
      await until(() => window.grecaptcha && window.grecaptcha.execute, 5000);
      const token = new Promise((done, fail) => window.grecaptcha.ready(() => {
        window.grecaptcha.execute(asked.dataset.sitekey, { action: asked.dataset.action || 'submit' }).then(done, fail);
      })).catch(() => '');
      hidden(form, 'g-recaptcha-response', await Promise.race([token, until(() => false, 10000)]) || '');
    }
    const waiting = form.querySelector('.cf-turnstile, .frc-captcha');
    const field = () => waiting.querySelector('input[name$="-response"]');
    if (waiting) await until(() => field() && /^([^.]|\.ERROR)/.test(field().value), 5000);
  }

  // -- one form ----------------------------------------------------------------------------------------------------

  function enhance(form) {
    const endpoint = new URL(form.getAttribute('action') || '', document.baseURI);
    const root = endpoint.pathname.replace(/\/+$/, '');
    // At /f the form itself says whose it is.
    const whose = () => KEYS.map((name) => named(form, name)[0]).find((field) => field && field.value.trim());
    const place = () => (root === '/f' && whose() ? root + '/' + encodeURIComponent(whose().value.trim()) : root);
    const below = (name) => endpoint.origin + place() + '/' + name;
    const checks = !form.noValidate;
    let work = null;
    let busy = false;
    let release = () => {};
    let status = form.querySelector('.pisteur-status');
    if (!status) {
      status = document.createElement('p');
      status.className = 'pisteur-status';
      status.setAttribute('role', 'status');
      form.append(status);
    }
    status.tabIndex = -1;
    form.noValidate = true;
    if (page.lang && !named(form, '_language').length && !named(form, '_lang').length) {
      hidden(form, '_language', page.lang);
    }
    // The server's own page knows what this asks for.
    let captcha = Promise.resolve(form.getAttribute('data-captcha'));
    if (!named(form, '_t').some((field) => field.value)) {
      captcha = ask(below('stamp')).then((stamp) => {
        if (!stamp) return 'altcha';
        hidden(form, '_t', stamp._t);
        if (!named(form, '_submission_id').some((field) => field.value)) hidden(form, '_submission_id', stamp.submission_id);
        return stamp.captcha;
      });
    }

    const prove = async () => {
      if (await captcha !== 'altcha' || !window.crypto || !crypto.subtle) return null;
      const challenge = await ask(below('challenge'));
      return challenge && solve(challenge);
    };
    const begin = () => {
      work = work || prove().catch(() => null);
      return work;
    };
    const proved = async () => {
      let proof = await begin();
      if (proof && proof.until < Date.now() + 10000) {
        work = null;
        proof = await begin();
      }
      // It is taken once: another try needs another.
      work = null;
      if (proof) hidden(form, 'altcha', proof.value);
    };
    form.addEventListener('focusin', begin, { once: true });

    const noteOf = (field) => document.getElementById(field.getAttribute('data-pisteur-note') || '');
    const settle = (field) => {
      const note = noteOf(field);
      const own = note && note.id;
      field.removeAttribute('aria-invalid');
      field.removeAttribute('data-pisteur-note');
      const rest = (field.getAttribute('aria-describedby') || '').split(' ').filter((id) => id && id !== own);
      if (rest.length) field.setAttribute('aria-describedby', rest.join(' '));
      else field.removeAttribute('aria-describedby');
      if (note) note.remove();
    };
    const complain = (field, message) => {
      settle(field);
      const note = document.createElement('p');
      note.className = 'pisteur-error';
      note.id = 'pisteur-' + Math.random().toString(36).slice(2);
      note.textContent = message;
      field.setAttribute('aria-invalid', 'true');
      field.setAttribute('data-pisteur-note', note.id);
      const described = (field.getAttribute('aria-describedby') || '') + ' ' + note.id;
      field.setAttribute('aria-describedby', described.trim());
      // Behind the label too, where that follows: beside a box.
      const label = field.labels && field.labels[0];
      const behind = label && (label.contains(field) || field.compareDocumentPosition(label) & Node.DOCUMENT_POSITION_FOLLOWING);
      (behind ? label : field).insertAdjacentElement('afterend', note);
    };
    form.addEventListener('input', (event) => {
      if (noteOf(event.target)) settle(event.target);
    });

    // Files that would be sent in vain, where the page knows how large they may be.
    const tooMuch = ({ files, dataset }) => {
      const large = [...files].find((file) => file.size > (dataset.each || Infinity));
      if (large) return dataset.large.replace('{file}', () => large.name);
      const all = [...files].reduce((sum, file) => sum + file.size, 0);
      return all > (dataset.together || Infinity) ? dataset.much : '';
    };

    // Says what the browser would say, beside the fields and in the language of the page where it gives words.
    const faultOf = (field) => {
      const much = field.type === 'file' ? tooMuch(field) : '';
      if (much || !field.willValidate || field.checkValidity()) return much;
      const state = field.validity;
      const key = state.valueMissing ? (field.type === 'checkbox' ? 'tick' : 'required') : state.typeMismatch && field.type === 'email' ? 'email' : 'invalid';
      return words(form, key, field.validationMessage) || key;
    };
    const check = () => {
      const wrong = [...form.elements].map((field) => [field, faultOf(field)]).filter(([, message]) => message);
      wrong.forEach(([field, message]) => complain(field, message));
      if (wrong.length) wrong[0][0].focus();
      return !wrong.length;
    };

    const wait = (on, message) => {
      busy = on;
      form.setAttribute('aria-busy', String(on));
      form.querySelectorAll('button:not([type=button]), input[type=submit]').forEach((button) => { button.disabled = on; });
      status.textContent = message || '';
    };

    const fail = (answer) => {
      wait(false, answer.message);
      status.classList.add('pisteur-failed');
      if (!UNSPENT.includes(answer.error)) renew(form);
      const told = (answer.errors || []).map((error) => [named(form, error.field)[0], error.message]).filter(([field]) => field);
      told.forEach(([field, message]) => complain(field, message));
      (told.length ? told[0][0] : status).focus();
    };

    const leave = (next, own) => {
      if (!own && parentListens) parent.postMessage({ pisteur: 'next', next: next.href }, parentOrigin);
      else location.assign(next.href);
    };

    // What was not taken, before the visitor goes on.
    const tell = (lines, onward) => {
      status.setAttribute('role', 'alert');
      lines.filter(Boolean).forEach((line) => status.append(document.createElement('br'), line));
      if (!onward) return;
      const [label, next, own] = onward;
      const link = document.createElement('a');
      link.href = next.href;
      link.textContent = label;
      link.addEventListener('click', (event) => { event.preventDefault(); leave(next, own); });
      status.append(document.createElement('br'), link);
    };

    const done = (answer) => {
      const told = new CustomEvent('pisteur:sent', { bubbles: true, cancelable: true, detail: answer });
      if (!form.dispatchEvent(told)) {
        // The page keeps the form: what is sent next is another submission.
        if (named(form, '_submission_id').length) hidden(form, '_submission_id', toHex(crypto.getRandomValues(new Uint8Array(16))));
        renew(form);
        return wait(false);
      }
      const next = new URL(answer.next, endpoint);
      const own = next.pathname === new URL(below('thanks')).pathname;
      const web = next.protocol === 'https:' || next.protocol === 'http:';
      const leads = web && (!own || form.hasAttribute('data-follow'));
      const missed = (answer.warnings || []).map((warning) => warning.message).filter(Boolean);
      if (leads && !missed.length) return leave(next, own);
      wait(false, words(form, 'thanks', answer.message));
      status.classList.remove('pisteur-failed');
      if (missed.length) tell([answer.notice, ...missed], leads && [answer.go_on || next.href, next, own]);
      form.replaceChildren(status);
      status.focus();
    };

    // The button that was pressed is a field while the form is sent, by whichever way: both send the same.
    const press = (button) => {
      if (!button || !button.name || button.type === 'image') return () => {};
      const field = document.createElement('input');
      Object.assign(field, { type: 'hidden', name: button.name, value: button.value });
      form.append(field);
      return () => field.remove();
    };

    // As the browser writes them where a form sends no files.
    const pairs = (data) => [...data].map(([name, value]) =>
      [name, value instanceof File ? value.name : value.replace(/\r\n|\r|\n/g, '\r\n')]);

    const post = async () => {
      await Promise.all([proved(), confirmed(form)]);
      const data = new FormData(form);
      const multipart = form.enctype === 'multipart/form-data';
      // Files take as long as they take: the server says when it is too long.
      const large = multipart && [...data.values()].some((value) => value instanceof File && value.size);
      const answer = await fetch(endpoint, { method: 'POST', body: multipart ? data : new URLSearchParams(pairs(data)),
        headers: { Accept: 'application/json' }, credentials: 'omit',
        signal: large ? undefined : AbortSignal.timeout(LONGEST) });
      const said = await answer.json();
      if (typeof said.ok !== 'boolean') throw new Error('not one of our answers');
      return said;
    };

    // Back from the next page: the form is as it was left, but not under way any more.
    addEventListener('pageshow', (event) => { release(); if (busy) wait(false); if (event.persisted) renew(form); });

    form.addEventListener('submit', async (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      if (busy || (checks && !check())) return;
      status.classList.remove('pisteur-failed');
      wait(true, words(form, 'sending', ''));
      release = press(event.submitter);
      let answer;
      try {
        answer = await post();
      } catch {
        // No network, or an answer that this page may not read: the browser sends the form itself. Its _submission_id
        // makes it the same submission if the first try did arrive; the proof of that try may be used up.
        await Promise.all([proved(), confirmed(form)]);
        return HTMLFormElement.prototype.submit.call(form);
      }
      release();
      return answer.ok ? done(answer) : fail(answer);
    });
  }

  // -- a page inside another ---------------------------------------------------------------------------------------

  const HANDED = /^(_first_|_last_|utm_|hsa_|_page$|_referrer$|_landing$|[a-z_]*clid$|[gw]braid$|gad_|gclsrc$|epik$|rdt_cid$|mc_[ce]id$)/i;

  function framed() {
    const tell = (message) => parent.postMessage(message, parentOrigin);
    const size = () => tell({ pisteur: 'height', height: Math.ceil(document.body.getBoundingClientRect().height) });
    addEventListener('message', (event) => {
      if (event.source !== parent || event.origin !== parentOrigin || !event.data) return;
      if (event.data.pisteur === 'hello' && !parentListens) {
        parentListens = true;
        tell({ pisteur: 'ready' });
        size();
      }
      if (event.data.pisteur === 'fields') {
        for (const [name, value] of Object.entries(event.data.fields || {})) {
          if (!HANDED.test(name) || typeof value !== 'string' || !value) continue;
          document.querySelectorAll('form[data-pisteur]').forEach((form) => hidden(form, name, value.slice(0, 2000)));
        }
      }
    });
    new ResizeObserver(size).observe(document.body);
    tell({ pisteur: 'ready' });
  }

  // The page around a form in a frame: gives it its height, and goes on where the form says.
  function around(frame) {
    const origin = new URL(frame.src, document.baseURI).origin;
    addEventListener('message', (event) => {
      if (event.source !== frame.contentWindow || event.origin !== origin || !event.data) return;
      const { pisteur, height, next } = event.data;
      if (pisteur === 'ready') frame.contentWindow.postMessage({ pisteur: 'hello' }, origin);
      if (pisteur === 'height' && height > 0 && height < 20000) frame.style.height = height + 'px';
      if (pisteur === 'next' && /^https?:/.test(next)) location.assign(next);
    });
    // Holds nothing: whoever is in the frame may hear it.
    if (frame.contentWindow) frame.contentWindow.postMessage({ pisteur: 'hello' }, '*');
  }

  function start() {
    document.querySelectorAll('form[data-pisteur]').forEach(enhance);
    document.querySelectorAll('iframe[data-pisteur]').forEach(around);
    if (parentOrigin && parent !== window) framed();
  }
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start);
  else start();
})();
