// A mini program in Node: what is documented of `wx`, over a storage file and real requests. Expressions come in as lines
// of JSON and their values go out as lines of JSON.
"use strict";
const fs = require("node:fs");
const readline = require("node:readline");

const {script, storage} = JSON.parse(process.argv[2]);
const heard = {show: new Set(), hide: new Set(), network: new Set()};
const offered = {onAppShow: "show", onAppHide: "hide", onNetworkStatusChange: "network"};
let offline = false, requests = 0;

const stored = () => (fs.existsSync(storage) ? JSON.parse(fs.readFileSync(storage, "utf8")) : {});
const keep = all => {
  fs.writeFileSync(storage + ".part", JSON.stringify(all));
  fs.renameSync(storage + ".part", storage);
};

globalThis.wx = {
  getStorageSync: key => stored()[key] ?? "",
  setStorageSync: (key, data) => keep({...stored(), [key]: data}),
  removeStorageSync: key => {
    const {[key]: _, ...rest} = stored();
    keep(rest);
  },
  request({url, data, method, header, dataType, timeout, success, fail, complete}) {
    const stop = new AbortController();
    requests++;
    (async () => {
      try {
        if (offline) throw new Error("request:fail");
        const answer = await fetch(url, {method, body: data, headers: {...header, Referer: "https://servicewechat.com/x/0/"},
          signal: AbortSignal.any([stop.signal, AbortSignal.timeout(timeout)])});
        const text = await answer.text();
        const found = {statusCode: answer.status, header: Object.fromEntries(answer.headers), cookies: [], errMsg: "request:ok"};
        success?.({...found, data: dataType === "json" ? JSON.parse(text) : text});
      } catch (error) {
        fail?.({errMsg: "request:fail " + error.message, errno: 600000});
      }
      complete?.({});
    })();
    return {abort: () => stop.abort()};
  },
};
for (const [name, kind] of Object.entries(offered)) {
  wx[name] = listener => heard[kind].add(listener);
  wx[name.replace("on", "off")] = listener => heard[kind].delete(listener);
}

const phone = {
  show: () => heard.show.forEach(hear => hear({})),
  hide: () => heard.hide.forEach(hear => hear({})),
  online(on) {
    offline = !on;
    heard.network.forEach(hear => hear({isConnected: on, networkType: on ? "wifi" : "none"}));
  },
  after: ms => new Promise(done => setTimeout(done, ms)),
  stored, requests: () => requests, listeners: () => Object.values(heard).reduce((n, set) => n + set.size, 0),
};
const {start} = require(script);
let tracker = null;
globalThis.begin = options => {
  tracker = start({...options, token: () => options.given});
  return Object.keys(tracker);
};

readline.createInterface({input: process.stdin}).on("line", async line => {
  let answer;
  try {
    answer = {value: (await eval(JSON.parse(line))) ?? null};
  } catch (error) {
    answer = {error: String(error.stack)};
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
