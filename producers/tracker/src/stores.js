// Where a tracker keeps what waits: {put: [events], drop: [ids], open: [tab, record or null], durable} is one change,
// whole or not at all. `trim` drops the oldest events beyond a number, and gives them. Ids are in order of time.

// On IndexedDB, which is shared by the tabs of a site and survives a killed browser.
export function indexedStore(name) {
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

  // Nothing here waits for an answer, so that it is done even when the page ends now.
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

// On keys and texts that are read and written at once: {get, set, remove}.
export function textStore(name, texts) {
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
