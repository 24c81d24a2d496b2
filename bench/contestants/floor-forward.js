// The least that stores and forwards: every body is one row, an alarm forwards all that wait side by side and deletes what
// was taken. It checks nothing, splits nothing, signs nothing, knows no order and no repetition.

import { DurableObject } from "cloudflare:workers";

export class Mailbox extends DurableObject {
  constructor(state, env) {
    super(state, env);
    this.sql = state.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT");
  }

  async append(body) {
    this.sql.exec("INSERT INTO log (body) VALUES (?)", body);
    if (!this.forwarding && (await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now());
  }

  async alarm() {
    this.forwarding = true;
    for (;;) {
      const rows = this.sql.exec("SELECT seq, body FROM log ORDER BY seq").toArray();
      if (rows.length === 0) break;
      const taken = await Promise.all(rows.map(async ({ seq, body }) => {
        const answer = await fetch(this.env.BACKEND, { method: "POST", body });
        await answer.body?.cancel();
        return answer.ok ? seq : null;
      }));
      const seqs = JSON.stringify(taken.filter((seq) => seq !== null));
      this.sql.exec("DELETE FROM log WHERE seq IN (SELECT value FROM json_each(?))", seqs);
    }
    this.forwarding = false;
  }
}

export default {
  async fetch(request, env) {
    await env.MAILBOX.getByName("all").append(await request.text());
    return new Response();
  },
};
