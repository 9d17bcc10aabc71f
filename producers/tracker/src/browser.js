// The tracker in a page: visibility and focus, IndexedDB, Web Locks between tabs, fetch and sendBeacon.

import {track} from "./core.js";
import {indexedStore, textStore} from "./stores.js";

const PREFIX = "xuejing:";
const ACTS = ["pointerdown", "pointermove", "keydown", "wheel", "scroll", "touchstart"];
const FOCUSING = ["pointerdown", "keydown", "touchstart"];

function texts() {
  const memory = new Map();
  const safely = (work, otherwise) => {
    try {
      return work(localStorage);
    } catch {
      return otherwise();
    }
  };
  return {
    get: key => safely(s => s.getItem(key), () => memory.get(key)) || "",
    set: (key, value) => { safely(s => s.setItem(key, value), () => memory.set(key, value)); },
    remove: key => { safely(s => s.removeItem(key), () => memory.delete(key)); },
  };
}

function host() {
  const kept = texts(), locks = navigator.locks;
  let acted = false;

  // Calls got(alone, waited) once nobody else on this device holds the name; the answer ends the holding, or the
  // waiting.
  function hold(name, got) {
    const stop = new AbortController();
    let free = null, over = false;
    const held = waited => new Promise(resolve => {
      free = resolve;
      if (over) resolve();
      else got(true, waited);
    });
    const refused = () => over || got(false, false);
    if (!locks) Promise.resolve().then(refused);
    else {
      const wait = () => locks.request(PREFIX + name, {signal: stop.signal}, () => held(true));
      locks.request(PREFIX + name, {ifAvailable: true}, lock => (lock ? held(false) : over || void wait().catch(refused)))
        .catch(refused);
    }
    return () => {
      over = true;
      stop.abort();
      if (free) free();
    };
  }

  function listen(on) {
    const all = new AbortController();
    const hear = (target, names, act) => {
      for (const name of names) target.addEventListener(name, act, {signal: all.signal, passive: true, capture: true});
    };
    hear(document, ["visibilitychange"], () => (document.visibilityState === "visible" ? on.show() : on.look()));
    hear(window, ["focus"], on.touch);
    hear(window, ["blur"], () => {
      acted = false;
      setTimeout(on.look);
    });
    hear(window, FOCUSING, () => { acted = true; });
    hear(window, ACTS, on.touch);
    hear(window, ["pageshow"], on.show);
    hear(document, ["resume"], on.show);
    hear(window, ["pagehide"], on.hide);
    hear(document, ["freeze"], on.hide);
    hear(window, ["online"], on.online);
    hear(window, ["storage"], e => { if (!e.key || e.key.startsWith(PREFIX)) on.recheck(); });
    return () => all.abort();
  }

  async function post(url, body, aborter) {
    const timer = setTimeout(() => aborter.abort(), 60000);
    try {
      // As text, so that no browser asks first whether it may.
      const answer = await fetch(url, {
        method: "POST", headers: {"Content-Type": "text/plain"}, body, credentials: "omit", cache: "no-store",
        keepalive: document.visibilityState === "hidden", signal: aborter.signal,
      });
      const found = await answer.json().catch(() => null);
      return {status: answer.status, wait: Number(answer.headers.get("Retry-After")) || 0, body: found};
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    locks: !!locks, hold, listen, post,
    wall: () => Date.now(),
    mono: () => performance.now(),
    random: n => crypto.getRandomValues(new Uint8Array(n)),
    aborter: () => new AbortController(),
    // Some webviews never say that a document has the focus: who touches it or types has it.
    away: () => (document.visibilityState !== "visible" ? "hidden" : document.hasFocus() || acted ? "" : "unfocused"),
    playing: () => [...document.querySelectorAll("audio, video")].some(m => !m.paused && !m.ended && m.readyState > 2),
    beacon: (url, body) => navigator.sendBeacon(url, new Blob([body], {type: "text/plain"})),
    store: name => (self.indexedDB ? indexedStore(PREFIX + name) : textStore(PREFIX + name, kept)),
    recall: name => kept.get(PREFIX + name),
    remember: (name, id) => { if (id) kept.set(PREFIX + name, id); else kept.remove(PREFIX + name); },
  };
}

export function start(options) {
  return track(host(), options);
}
