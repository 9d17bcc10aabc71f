// The tracker in a WeChat mini program, by its documented interface: https://developers.weixin.qq.com/miniprogram/dev/api/

import {track} from "./core.js";
import {textStore} from "./stores.js";

const PREFIX = "xuejing:";

function host(wx) {
  const kept = {
    get: key => wx.getStorageSync(key) || "",
    set: (key, value) => wx.setStorageSync(key, value),
    remove: key => wx.removeStorageSync(key),
  };
  let shown = true, seen = Date.now(), gone = 0;

  // A mini program has one clock, which can be set: it never runs backwards here.
  function mono() {
    const now = Date.now();
    gone += Math.max(0, now - seen);
    seen = now;
    return gone;
  }

  function listen(on) {
    const show = () => { shown = true; on.show(); };
    const hide = () => { shown = false; on.hide(); };
    const network = found => { if (found.isConnected) on.online(); };
    wx.onAppShow(show);
    wx.onAppHide(hide);
    wx.onNetworkStatusChange(network);
    return () => {
      wx.offAppShow(show);
      wx.offAppHide(hide);
      wx.offNetworkStatusChange(network);
    };
  }

  function post(url, body, aborter) {
    return new Promise((resolve, reject) => {
      const task = wx.request({
        url, data: body, method: "POST", header: {"content-type": "text/plain"}, dataType: "json", timeout: 60000,
        success: found => {
          const wait = Object.entries(found.header || {}).find(([name]) => name.toLowerCase() === "retry-after");
          resolve({status: found.statusCode, wait: Number(wait && wait[1]) || 0, body: found.data});
        },
        fail: found => reject(new Error(found.errMsg)),
      });
      aborter.abort = () => task.abort();
    });
  }

  return {
    locks: true, listen, post, mono,
    // There is one page of a mini program, so that nobody else can hold anything.
    hold: (name, got) => {
      let over = false;
      Promise.resolve().then(() => over || got(true, false));
      return () => { over = true; };
    },
    wall: () => Date.now(),
    random: n => Array.from({length: n}, () => Math.floor(Math.random() * 256)),
    aborter: () => ({abort() {}}),
    away: () => (shown ? "" : "hidden"),
    store: name => textStore(PREFIX + name, kept),
    recall: name => kept.get(PREFIX + name),
    remember: (name, id) => { if (id) kept.set(PREFIX + name, id); else kept.remove(PREFIX + name); },
  };
}

export function start(options) {
  return track(host(options.wx || wx), {maxWaiting: 1000, ...options});
}
