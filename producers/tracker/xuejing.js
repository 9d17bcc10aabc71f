/* Xuejing tracker. Apache-2.0. Made from producers/tracker/src by `make docs`. */
var Xuejing = (() => {
"use strict";
const TICK = 500;
const ROTATE = 30000;
const JUMP = 2000;
const STALE = 10000;
const BATCH = 100;
const BYTES = 50000;
const LARGEST = 32000;
const PATIENCE = 300000;
const SOURCE = "xuejing-tracker/1";
function uuid(wall, random) {
const b = random(16);
for (let i = 5; i >= 0; i--) {
b[i] = wall % 256;
wall = Math.floor(wall / 256);
}
b[6] = (b[6] & 15) | 112;
b[8] = (b[8] & 63) | 128;
const hex = Array.from(b, x => (x + 256).toString(16).slice(1)).join("");
return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
function bytes(made) {
return JSON.stringify(made).replace(/[^\x00-\x7f]/g, "xxx").length;
}
function track(host, options) {
for (const name of ["url", "key", "member", "course", "token"]) {
if (!options[name]) throw new TypeError("xuejing: " + name + " is missing");
}
const idle = options.idleMs || 120000;
const room = options.maxWaiting || 5000;
const member = options.member;
const url = options.url.replace(/\/+$/, "") + "/v1/events";
const kept = host.store(member), store = {};
const tab = uuid(host.wall(), host.random);
const mine = new Map();
const clocks = new Map();
const spent = new Map();
let place = {course: options.course, unit: options.unit};
let device = "", stopped = false, gone = false;
let input = host.mono(), since = null, attended = 0;
let open = null, letGo = null, timer = 0, saving = false, studied = 0;
let last = {wall: host.wall(), mono: host.mono()};
let asked = null;
let token = "", stale = false, sending = null, more = false, aborter = null, notBefore = 0, fails = 0, again = 0;
let reason = "consent", waiting = 0, problem = "", sent = 0, lastSent = 0;
for (const name of ["write", "trim", "events", "count", "opened"]) {
store[name] = (...given) => (device ? kept[name](...given) : Promise.resolve([]));
}
function tell() {
if (options.onChange) options.onChange(status());
}
function trouble(what) {
if (!device) return;
problem = what;
tell();
}
function away(now) {
if (!device) return "consent";
if (stopped) return "stopped";
if (gone) return "hidden";
return host.away() || (now - input >= idle ? "idle" : "");
}
function look() {
const now = host.mono(), wall = host.wall();
const drift = wall - last.wall - (now - last.mono);
if (Math.abs(drift) > JUMP) jumped(drift, now);
last = {wall, mono: now};
if (since !== null && host.playing && host.playing()) input = now;
const why = away(now);
if (since !== null && why) leave(Math.min(now, input + idle));
else if (since === null && !why) enter(now);
else if (open && now - open.at >= ROTATE) {
close(now);
open = {at: now};
}
if (why !== reason) {
reason = why;
tell();
}
}
function jumped(drift, now) {
if (open) {
close(now, last.wall + now - last.mono);
open = {at: now};
}
if (drift < 0) renew(last.wall - last.mono);
}
function renew(offset) {
clocks.set(device, offset);
const [id, n] = device.split(".");
device = id + "." + (Number(n || 0) + 1);
host.remember(member, device);
}
function enter(now) {
since = now;
timer = setInterval(tick, TICK);
letGo = host.hold("study:" + member, (alone, waited) => {
sweep(alone);
open = {at: waited ? host.mono() : now};
tell();
});
}
function leave(end) {
clearInterval(timer);
attended += Math.max(0, end - since);
since = null;
const free = letGo;
letGo = null;
if (open) close(end).then(free, free);
else free();
open = null;
}
function tick() {
look();
if (open && !saving) {
saving = true;
const done = () => { saving = false; };
store.write({open: [tab, {...place, device, wall: last.wall, ms: last.mono - open.at}]}).then(done, done);
}
}
function touch() {
const now = host.mono();
if (since !== null && now - input < 250) return;
look();
input = host.mono();
if (since === null) look();
}
function show() {
gone = false;
touch();
}
function clock() {
return attended + (since === null ? 0 : Math.max(0, Math.min(host.mono(), input + idle) - since));
}
function event(type, wall, fields, where) {
const made = where || {...place, device};
return {
event_id: uuid(wall, host.random), event_type: type, member_id: member, course_id: made.course,
occurred_at: new Date(wall).toISOString(), device_id: made.device, source: options.source || SOURCE, ...fields,
};
}
function interval(ms, wall, where) {
return event("study", Math.round(wall), {duration_ms: Math.round(ms), unit_id: where.unit || undefined}, where);
}
function close(end, wall) {
const ms = end - open.at;
if (wall === undefined) wall = host.wall() - (host.mono() - end);
if (ms < 1) return store.write({open: [tab, null]});
studied += ms;
return add(interval(ms, wall, {...place, device}), [tab, null]);
}
function add(made, record) {
if (bytes(made) > LARGEST) throw new RangeError("xuejing: the event is too large");
const one = {made, saved: false};
mine.set(made.event_id, one);
if (mine.size > room) mine.delete(mine.keys().next().value);
const change = {put: [made], durable: true};
if (record) change.open = record;
return store.write(change).then(() => store.trim(room)).then(
lost => {
one.saved = true;
for (const old of lost) reject(old, {reason: "queue_full", detail: "", retryable: false});
flush();
return made.event_id;
},
error => {
trouble("storage: " + error);
flush();
return made.event_id;
},
);
}
function sweep(alone) {
return store.opened().then(found => {
for (const [key, left] of found) {
const age = Math.abs(host.wall() - left.wall);
if (!device) return;
if (key === tab || (!alone && age < STALE)) continue;
if (left.ms >= 1) add(interval(left.ms, left.wall, left), [key, null]);
else store.write({open: [key, null]});
}
}).catch(error => trouble("storage: " + error));
}
function reject(made, why) {
mine.delete(made.event_id);
if (options.onRejected) options.onRejected(made, why);
}
function flush() {
if (!device) return Promise.resolve();
more = true;
if (!sending) {
sending = new Promise(resolve => {
const free = host.hold("send:" + member, () => {
run().catch(error => later(0, String(error))).then(() => {
sending = null;
free();
tell();
resolve();
});
});
});
}
return sending;
}
async function run() {
let tries = 0;
while (more && device && host.mono() >= notBefore) {
more = false;
const found = await batch();
if (!found.length) break;
more = true;
if (!token) {
token = await options.token(stale);
if (!device) return;
if (!token) throw new Error("no token");
}
aborter = host.aborter();
let answer;
try {
answer = await host.post(url, envelope(found), aborter);
} catch (error) {
if (!device) return;
return later(0, "network");
}
if (!device) return;
const {status, body} = answer;
if (status === 200 && body && body.results && body.results.length === found.length) {
await settle(found, body.results);
stale = false;
tries = 0;
} else if (status === 401 && !tries++) {
token = "";
stale = true;
} else {
if (status === 401) token = "";
return later(answer.wait, status + " " + ((body && body.error) || ""));
}
}
}
async function batch() {
let found = [];
try {
found = await store.events(BATCH);
const count = await store.count();
if (!device) return [];
waiting = count;
} catch (error) {
trouble("storage: " + error);
}
const ids = new Set(found.map(e => e.event_id));
const all = found.length < BATCH;
for (const [id, one] of mine) {
if (ids.has(id)) continue;
if (one.saved && all) mine.delete(id);
else if (!one.saved && found.length < BATCH) found.push(one.made);
}
return fitting(found);
}
function fitting(found) {
let size = 0;
return found.filter((e, i) => e.device_id === found[0].device_id && ((size += bytes(e)) < BYTES || !i));
}
function envelope(found) {
const of = found[0].device_id, newest = Math.max(...found.map(e => Date.parse(e.occurred_at)));
let now = clocks.has(of) ? host.mono() + clocks.get(of) : host.wall();
if (newest > now + JUMP && of === device) renew(newest - host.mono());
now = Math.max(now, newest);
return JSON.stringify({key: options.key, token, sent_at: new Date(now).toISOString(), events: found});
}
async function settle(found, results) {
fails = 0;
problem = "";
const gone = found.map(e => e.event_id);
for (const id of gone) mine.delete(id);
try {
await store.write({drop: gone, durable: true});
const count = await store.count();
if (!device) return;
waiting = count;
} catch (error) {
trouble("storage: " + error);
}
results.forEach((result, i) => {
if (result.status === "accepted") sent++;
else reject(found[i], {reason: result.reason, detail: result.detail || "", retryable: !!result.retryable});
});
lastSent = host.wall();
tell();
}
function later(seconds, why) {
const wait = seconds * 1000 || Math.min(PATIENCE, 1000 * 2 ** fails) * (0.5 + Math.random() / 2);
fails = Math.min(fails + 1, 10);
notBefore = host.mono() + wait;
clearTimeout(again);
again = setTimeout(flush, wait + 1);
trouble(why);
}
function online() {
notBefore = fails = 0;
flush();
}
function end() {
if (since !== null) {
const free = letGo;
leave(Math.min(host.mono(), input + idle));
free();
}
look();
}
function hide() {
if (gone) return;
gone = true;
end();
const found = fitting([...mine.values()].slice(-BATCH).map(one => one.made));
if (found.length && token && host.beacon) host.beacon(url, envelope(found));
}
function grant(id) {
device = id;
input = host.mono();
last = {wall: host.wall(), mono: host.mono()};
asked = setInterval(() => { if (!host.locks) sweep(false); flush(); }, ROTATE);
look();
if (since === null) {
const free = host.hold("study:" + member, alone => sweep(alone).then(() => free()));
}
flush();
}
function revoke() {
device = "";
clearInterval(timer);
clearInterval(asked);
clearTimeout(again);
since = open = null;
if (letGo) letGo();
letGo = null;
if (aborter) aborter.abort();
mine.clear();
spent.clear();
clocks.clear();
token = problem = "";
waiting = studied = attended = 0;
look();
tell();
return kept.wipe();
}
function consent(yes) {
if (!yes) {
host.remember(member, "");
return device ? revoke() : kept.wipe();
}
if (!device) {
const id = host.recall(member) || uuid(host.wall(), host.random);
host.remember(member, id);
grant(id);
}
return Promise.resolve();
}
function recheck() {
const id = host.recall(member);
if (id && device) device = id;
else if (id) grant(id);
else if (device) revoke();
}
let asking = null;
function settleQuestion() {
if (asking) spent.set(asking.id, (spent.get(asking.id) || 0) + clock() - asking.from);
asking = null;
}
function question(id) {
settleQuestion();
if (id) asking = {id, from: clock()};
}
function answer(fields) {
if (!device) return Promise.resolve(null);
look();
const {question_id: id} = fields;
if (asking && asking.id === id) settleQuestion();
const time = spent.has(id) ? {duration_ms: Math.round(spent.get(id))} : {};
spent.delete(id);
return add(event("answer", host.wall(), {...time, ...named(fields), correct: fields.correct === undefined ? null : fields.correct}, at(fields)));
}
function wrong(fields) {
if (!device) return Promise.resolve(null);
look();
return add(event("error", host.wall(), named(fields), at(fields)));
}
function at(fields) {
return {course: fields.course_id || place.course, device};
}
function named(fields) {
if (!fields.question_id) throw new TypeError("xuejing: question_id is missing");
const {course_id: _, ...rest} = fields;
return rest;
}
function move(course, unit) {
look();
const next = {course: course || place.course, unit};
if (open && (next.course !== place.course || next.unit !== place.unit)) {
const now = host.mono();
close(now);
open = {at: now};
}
place = next;
}
function status() {
return {
consent: !!device, counting: open !== null, reason: since !== null && !open ? "other_tab" : reason,
studied_ms: studied + (open ? Math.max(0, Math.min(host.mono(), input + idle) - open.at) : 0),
waiting: Math.max(waiting, mine.size), sent, last_sent: lastSent, problem,
};
}
const api = {
consent, question, answer, wrong, move, touch, flush, status,
waiting: () => store.events(room),
stop() {
stopped = true;
clearInterval(asked);
clearTimeout(again);
end();
unlisten();
},
};
const unlisten = host.listen({look, touch, show, hide, online, recheck});
if (options.consent === true) consent(true);
else if (options.consent === false) consent(false);
else if (host.recall(member)) grant(host.recall(member));
return api;
}
function indexedStore(name) {
let opening = null;
function opened() {
if (!opening) {
opening = new Promise((resolve, reject) => {
const asked = indexedDB.open(name, 1);
asked.onupgradeneeded = () => {
asked.result.createObjectStore("queue", {keyPath: "event_id"});
asked.result.createObjectStore("open");
};
asked.onerror = () => reject(asked.error);
asked.onsuccess = () => {
const db = asked.result;
db.onversionchange = () => {
db.close();
opening = null;
};
db.onclose = () => { opening = null; };
resolve(db);
};
});
opening.catch(() => { opening = null; });
}
return opening;
}
function within(mode, durable, work) {
return opened().then(db => new Promise((resolve, reject) => {
const t = db.transaction(["queue", "open"], mode, {durability: durable ? "strict" : "relaxed"});
const found = work(t.objectStore("queue"), t.objectStore("open"), t);
t.oncomplete = () => resolve(found.value);
t.onerror = t.onabort = () => reject(t.error);
}));
}
function write(change) {
return within("readwrite", change.durable, (queue, open, t) => {
for (const event of change.put || []) queue.put(event);
for (const id of change.drop || []) queue.delete(id);
if (change.open) {
if (change.open[1]) open.put(change.open[1], change.open[0]);
else open.delete(change.open[0]);
}
if (t.commit) t.commit();
return {};
});
}
function trim(limit) {
return within("readwrite", false, queue => {
const found = {value: []};
queue.count().onsuccess = e => {
let over = e.target.result - limit;
if (over <= 0) return;
queue.openCursor().onsuccess = c => {
const at = c.target.result;
if (!at || over-- <= 0) return;
found.value.push(at.value);
at.delete();
at.continue();
};
};
return found;
});
}
return {
write,
trim,
events: count => within("readonly", false, queue => {
const found = {value: []};
queue.getAll(null, count).onsuccess = e => { found.value = e.target.result; };
return found;
}),
count: () => within("readonly", false, queue => {
const found = {value: 0};
queue.count().onsuccess = e => { found.value = e.target.result; };
return found;
}),
opened: () => within("readonly", false, (queue, open) => {
const found = {value: []};
open.openCursor().onsuccess = e => {
const at = e.target.result;
if (!at) return;
found.value.push([at.key, at.value]);
at.continue();
};
return found;
}),
wipe: () => (opening || Promise.resolve(null)).then(db => {
if (db) db.close();
opening = null;
return new Promise((resolve, reject) => {
const asked = indexedDB.deleteDatabase(name);
asked.onsuccess = resolve;
asked.onerror = () => reject(asked.error);
});
}),
};
}
function textStore(name, texts) {
const read = (part, empty) => JSON.parse(texts.get(name + ":" + part) || "null") || empty;
function keep(part, value, empty) {
if (empty) texts.remove(name + ":" + part);
else texts.set(name + ":" + part, JSON.stringify(value));
}
function write(change) {
if (change.put || change.drop) {
const drop = new Set(change.drop || []);
const queue = read("queue", []).filter(e => !drop.has(e.event_id)).concat(change.put || []);
keep("queue", queue, !queue.length);
}
if (change.open) {
const open = read("open", {});
if (change.open[1]) open[change.open[0]] = change.open[1];
else delete open[change.open[0]];
keep("open", open, !Object.keys(open).length);
}
}
function trim(limit) {
const queue = read("queue", []), lost = queue.splice(0, Math.max(0, queue.length - limit));
if (lost.length) keep("queue", queue, !queue.length);
return lost;
}
const later = work => (...given) => new Promise(resolve => resolve(work(...given)));
return {
write: later(write),
trim: later(trim),
events: later(count => read("queue", []).slice(0, count)),
count: later(() => read("queue", []).length),
opened: later(() => Object.entries(read("open", {}))),
wipe: later(() => ["queue", "open"].forEach(part => texts.remove(name + ":" + part))),
};
}
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
away: () => (document.visibilityState !== "visible" ? "hidden" : document.hasFocus() || acted ? "" : "unfocused"),
playing: () => [...document.querySelectorAll("audio, video")].some(m => !m.paused && !m.ended && m.readyState > 2),
beacon: (url, body) => navigator.sendBeacon(url, new Blob([body], {type: "text/plain"})),
store: name => (self.indexedDB ? indexedStore(PREFIX + name) : textStore(PREFIX + name, kept)),
recall: name => kept.get(PREFIX + name),
remember: (name, id) => { if (id) kept.set(PREFIX + name, id); else kept.remove(PREFIX + name); },
};
}
function start(options) {
return track(host(), options);
}
return {start};
})();
