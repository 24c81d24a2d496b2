// Around Transom: counts what the platform bills, as it happens, and tells it under `GET /bench/counts`. `/bench/scheduled` is
// what the platform calls once an hour.

import { DurableObject } from "cloudflare:workers";
import Transom, * as transom from "./index.js";

export { Drift } from "./index.js";

const counts = { requests: 0, alarms: 0, set_alarms: 0, deleted_alarms: 0 };
// A cursor knows how many rows it has cost once it was read to its end.
let cursors = [];
let watched = false;

function watch(storage) {
  if (watched) return;
  watched = true;
  const count = (prototype, name, note) => {
    const original = prototype[name];
    prototype[name] = function (...parameters) {
      const result = original.apply(this, parameters);
      note(result);
      return result;
    };
  };
  count(Object.getPrototypeOf(storage.sql), "exec", (cursor) => cursors.push(cursor));
  count(Object.getPrototypeOf(storage), "setAlarm", () => counts.set_alarms++);
  count(Object.getPrototypeOf(storage), "deleteAlarm", () => counts.deleted_alarms++);
}

export class Mailbox extends DurableObject {
  constructor(state, env) {
    super(state, env);
    watch(state.storage);
    this.inner = new transom.Mailbox(state, env);
  }

  fetch(request) {
    counts.requests++;
    return this.inner.fetch(request);
  }

  alarm() {
    counts.alarms++;
    return this.inner.alarm();
  }
}

// What a mailbox's stubs call.
for (const method of ["append", "resolve", "cede", "adopt", "gone", "known", "names", "route"]) {
  Mailbox.prototype[method] = function (...parameters) {
    counts.requests++;
    return this.inner[method](...parameters);
  };
}

export class Courier extends DurableObject {
  constructor(state, env) {
    super(state, env);
    this.inner = new transom.Courier(state, env);
  }

  carry(...parameters) {
    counts.requests++;
    return this.inner.carry(...parameters);
  }
}

function told() {
  const sum = (rows) => cursors.reduce((total, cursor) => total + rows(cursor), 0);
  return {
    ...counts,
    rows_written: sum((cursor) => cursor.rowsWritten),
    rows_read: sum((cursor) => cursor.rowsRead),
    statements: cursors.length,
  };
}

export default {
  async fetch(request, env, ctx) {
    switch (new URL(request.url).pathname) {
      case "/bench/counts":
        return Response.json(told());
      case "/bench/scheduled":
        await Transom.scheduled({ scheduledTime: Date.now() }, env, ctx);
        return new Response();
      default:
        return Transom.fetch(request, env, ctx);
    }
  },
};
