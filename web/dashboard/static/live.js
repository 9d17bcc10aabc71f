// What changes on an open page: parts that the server pushes, and how long ago the last event came.
// Without this file the pages work too; they just stand still.
"use strict";
(() => {
  const body = document.body, status = document.getElementById("status"), state = document.getElementById("state");
  const said = document.getElementById("said"), ago = JSON.parse(body.dataset.ago);
  let behind = 0; // the server's clock minus ours, ms
  let spoken = 0;

  function show(name, text) {
    if (status.dataset.state === name) return;
    status.dataset.state = name;
    state.textContent = text;
  }

  function tick() {
    for (const time of document.querySelectorAll("time[data-received]")) {
      const s = Math.max(0, Math.round((Date.now() + behind - Number(time.dataset.received)) / 1000));
      const [key, n] = s < 60 ? ["seconds", s] : s < 3600 ? ["minutes", Math.floor(s / 60)]
        : s < 86400 ? ["hours", Math.floor(s / 3600)] : ["days", Math.floor(s / 86400)];
      const text = ago[key].replace("{n}", n);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // A new part takes the place of the old one; what was open, scrolled or in focus stays so.
  function put(part) {
    const old = document.getElementById("p-" + part.name);
    if (!old || old.dataset.hash === part.hash) return false;
    if (old.querySelector("[popover]:popover-open")) { held.set(part.name, part); return false; }
    const open = [...old.querySelectorAll("details[open][id]")].map(d => d.id);
    const left = [...old.querySelectorAll(".scroll")].map(s => s.scrollLeft);
    const places = "a, button, summary, .scroll";
    const focus = old.contains(document.activeElement) ? [...old.querySelectorAll(places)].indexOf(document.activeElement) : -1;
    old.innerHTML = part.html;
    old.dataset.hash = part.hash;
    old.hidden = part.html === "";
    for (const id of open) { const d = document.getElementById(id); if (d) d.open = true; }
    old.querySelectorAll(".scroll").forEach((s, i) => { s.scrollLeft = left[i] || 0; });
    if (focus >= 0) { const now = old.querySelectorAll(places)[focus]; if (now) now.focus({preventScroll: true}); }
    if (part.name !== "definitions" && part.name !== "fresh") {
      old.classList.remove("fresh-now");
      void old.offsetWidth;
      old.classList.add("fresh-now");
    }
    return true;
  }
  const held = new Map();
  document.addEventListener("toggle", () => {
    for (const [name, part] of [...held]) { held.delete(name); put(part); }
  }, true);

  function connect() {
    const have = [...document.querySelectorAll("[data-hash]")].map(e => e.dataset.hash).join(".");
    const source = new EventSource(body.dataset.live + "&have=" + have);
    source.addEventListener("clock", event => {
      const {now, store} = JSON.parse(event.data);
      behind = now - Date.now();
      if (store) show("live", body.dataset.liveText); else show("away", body.dataset.store);
    });
    source.addEventListener("parts", event => {
      const changed = JSON.parse(event.data).map(put).some(Boolean);
      tick();
      body.dataset.pushed = String(Number(body.dataset.pushed || 0) + 1);
      if (changed && Date.now() - spoken > 30000) { spoken = Date.now(); said.textContent = body.dataset.updated; setTimeout(() => { said.textContent = ""; }, 4000); }
    });
    source.addEventListener("end", () => { source.close(); location.reload(); });
    source.onerror = () => {
      show("away", body.dataset.away);
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
    };
  }

  const span = document.getElementById("span"), own = document.querySelector(".own");
  if (span && own) {
    const fit = () => { own.hidden = span.value !== "days"; };
    span.addEventListener("change", fit);
    fit();
  }
  tick();
  setInterval(tick, 1000);
  if (window.EventSource) connect();
})();
