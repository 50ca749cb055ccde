// Tells forms where the visitor came from: fills the hidden fields utm_*, _page, _referrer, _landing, and, with consent,
// click ids, _first_*, _last_* and what the cookies of other scripts say of the visitor (_fbc, _fbp, _ttp, hubspotutk,
// ga_client_id). Nothing is stored or read on the visitor's device before attrConsent(true), or
// data-consent="given" on the script; attrConsent(false) removes what was stored.
(() => {
  'use strict';
  const UTM = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content', 'utm_id', 'utm_source_platform',
    'utm_creative_format', 'utm_marketing_tactic'];
  const CLICK = ['gclid', 'gbraid', 'wbraid', 'dclid', 'gclsrc', 'gad_source', 'gad_campaignid', 'fbclid', 'msclkid',
    'ttclid', 'li_fat_id', 'twclid', 'sccid', 'epik', 'rdt_cid', 'yclid', 'mc_cid', 'mc_eid', '_hsenc', '_hsmi', 'irclickid'];
  const COOKIES = ['_fbc', '_fbp', '_ttp', 'hubspotutk'];
  // Of one touch, and in one form: a link stuffed with parameters must not make a form too large to be taken
  // (limits.fields). What is said of this visit stands first.
  const MOST = 40;
  const MOST_FIELDS = 60;
  const MINUTE = 60000;
  const SESSION = 30 * MINUTE;
  const FIRST_KEPT = 2 * 365 * 24 * 60 * MINUTE;
  const LONGEST = 255;
  const LONGEST_PAGE = 2000;
  const script = document.currentScript;
  const home = new URL(script.src, document.baseURI).origin;
  const here = new URL(location.href);
  let consent = script.dataset.consent === 'given' || window.attrConsent === true;

  const isUtm = (name) => UTM.includes(name);
  // An advertiser names parameters of HubSpot's ads itself: hsa_cam, hsa_grp, ...
  const isClick = (name) => CLICK.includes(name) || /^hsa_[a-z0-9_]{1,30}$/.test(name);
  const isEither = (name) => isUtm(name) || isClick(name);

  // What this very page says of itself.
  const found = (wanted) => {
    const values = {};
    for (const [name, value] of here.searchParams) {
      const known = name.toLowerCase();
      if (value && wanted(known) && !(known in values)) values[known] = value.slice(0, LONGEST);
    }
    return Object.fromEntries(Object.entries(values).slice(0, MOST));
  };
  const site = (address) => { try { return new URL(address).host; } catch { return ''; } };
  const referrer = document.referrer && site(document.referrer) !== here.host ? document.referrer.slice(0, LONGEST_PAGE) : '';

  // The address of this page; click ids tell people apart, so they stay out of it without consent.
  const address = (whole) => {
    const page = new URL(here);
    page.hash = '';
    if (!whole) {
      [...page.searchParams.keys()].filter((name) => !isUtm(name.toLowerCase())).forEach((name) => page.searchParams.delete(name));
    }
    return page.href.slice(0, LONGEST_PAGE);
  };

  // -- the visitor's device, only with consent -----------------------------------------------------------------------

  const read = (key) => { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } };
  const write = (key, value) => { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full or forbidden */ } };

  function remember() {
    const now = Date.now();
    const values = found(isEither);
    const touch = { t: now, ...values, referrer, landing: address(true) };
    const arrives = referrer !== '' || Object.keys(values).length > 0;
    const first = read('attr_first');
    if (!first || now - first.t > FIRST_KEPT) write('attr_first', touch);
    if (arrives || !read('attr_last')) write('attr_last', touch);
    const session = read('attr_session');
    const goes_on = session && now - session.t < SESSION && !arrives;
    write('attr_session', goes_on ? { ...session, t: now } : { t: now, referrer, landing: address(true) });
  }

  // By which other scripts know the visitor, where they stand beside this one. Of _ga (GA1.1.123.456) the client id is
  // what its interface asks for: the last two numbers.
  function cookies() {
    const values = {};
    for (const part of document.cookie.split(';')) {
      const at = part.indexOf('=');
      const name = part.slice(0, at).trim();
      const value = part.slice(at + 1).trim().slice(0, LONGEST);
      const client = name === '_ga' && /^GA\d+\.[\d-]+\.(\d+\.\d+)$/.exec(value);
      if (client) [, values.ga_client_id] = client;
      else if (value && COOKIES.includes(name)) values[name] = value;
    }
    return values;
  }

  function forget() {
    try { ['attr_first', 'attr_last', 'attr_session'].forEach((key) => localStorage.removeItem(key)); } catch { /* nothing there */ }
  }

  // -- the fields ------------------------------------------------------------------------------------------------------

  function fields() {
    const all = { ...found(isUtm), _page: address(consent), _referrer: referrer, _landing: address(consent) };
    if (!consent) return all;
    Object.assign(all, found(isClick), cookies());
    const session = read('attr_session');
    if (session) Object.assign(all, { _referrer: session.referrer, _landing: session.landing });
    for (const [prefix, touch] of [['_first_', read('attr_first')], ['_last_', read('attr_last')]]) {
      for (const [name, value] of Object.entries(touch || {})) {
        if (name === 't') all[`${prefix}at`] = String(value);
        if (typeof value !== 'string') continue;
        all[prefix + name] = value;
        if (prefix === '_last_' && isEither(name) && !all[name]) all[name] = value;
      }
    }
    return Object.fromEntries(Object.entries(all).slice(0, MOST_FIELDS));
  }

  // Forms that go to the server this script came from, and those marked.
  const forms = () => [...document.querySelectorAll('form')].filter((form) => form.matches('[data-pisteur], [data-attribution]')
    || new URL(form.getAttribute('action') || '', document.baseURI).origin === home);

  function fill(form) {
    const values = fields();
    const ours = [...form.querySelectorAll('input[data-attribution-filled]')];
    ours.filter((field) => !(field.name in values)).forEach((field) => { field.value = ''; });
    for (const [name, value] of Object.entries(values)) {
      let field = [...form.querySelectorAll('input')].find((input) => input.name === name);
      if (!field && !value) continue;
      if (!field) {
        field = document.createElement('input');
        field.type = 'hidden';
        field.name = name;
        form.append(field);
      } else if (field.value && !field.hasAttribute('data-attribution-filled')) continue;
      field.setAttribute('data-attribution-filled', '');
      field.value = value;
    }
  }

  // Forms in a frame cannot see this page's address: it is handed to the server's own page only.
  const hand = (frame) => frame.contentWindow.postMessage({ pisteur: 'fields', fields: fields() }, home);
  const frames = () => [...document.querySelectorAll('iframe[data-pisteur]')]
    .filter((frame) => new URL(frame.src, document.baseURI).origin === home);
  const ready = new Set();

  function tell() {
    forms().forEach(fill);
    frames().filter((frame) => ready.has(frame.contentWindow)).forEach(hand);
  }

  function decide(given) {
    consent = given === true;
    if (consent) remember();
    else forget();
    tell();
  }

  window.attrConsent = decide;
  addEventListener('message', (event) => {
    if (event.origin !== home || !event.data || event.data.pisteur !== 'ready') return;
    const frame = frames().find((one) => one.contentWindow === event.source);
    if (frame) {
      ready.add(event.source);
      hand(frame);
    }
  });
  // Before any other listener takes the form apart.
  addEventListener('submit', (event) => forms().includes(event.target) && fill(event.target), true);

  function start() {
    if (consent) remember();
    tell();
  }
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start);
  else start();
})();
