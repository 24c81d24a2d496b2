// Transom's job in plain JavaScript, as one would write it who takes care: checks the signature, makes an event of every
// item, and stores those that are new with one call and one statement for each number.
//
// What it stores lies in the order in which it came, and only ids, which are random, in theirs: with the rows themselves in
// the order of ids (WITHOUT ROWID) a batch of 1,000 takes almost twice as long.
//
// It does less than Transom: of the fields it takes apart `messages` and `history`, an object that it does not know may
// make it fail, and it knows neither windows nor that a person has several names.

import { DurableObject } from "cloudflare:workers";
import { Hono } from "hono";
import { claimed, verify } from "./signature.js";

const LIMIT = 3.25 * 1024 * 1024;
const PARAMETER = 1_000_000;

export class Mailbox extends DurableObject {
  constructor(state, env) {
    super(state, env);
    this.sql = state.storage.sql;
    this.sql.exec(
      "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, type TEXT NOT NULL, subject TEXT, time INTEGER, " +
        "data TEXT NOT NULL) STRICT",
    );
  }

  append(arrays) {
    for (const rows of arrays) {
      this.sql.exec(
        "INSERT INTO events (id, type, subject, time, data) SELECT value ->> 0, value ->> 1, value ->> 2, " +
          "value ->> 3, value ->> 4 FROM json_each(?) WHERE true ON CONFLICT DO NOTHING",
        rows,
      );
    }
  }
}

/** The events of a webhook by the number that they belong to. */
function split(webhook) {
  const mailboxes = new Map();
  for (const entry of webhook.entry) {
    for (const { field, value } of entry.changes) {
      const business = {
        account_id: entry.id,
        phone_number_id: value.metadata.phone_number_id,
        display_phone_number: value.metadata.display_phone_number,
      };
      let events = mailboxes.get(business.phone_number_id);
      if (!events) mailboxes.set(business.phone_number_id, (events = []));
      if (field === "messages") {
        const contacts = new Map();
        for (const contact of value.contacts ?? []) {
          contacts.set(contact.user_id ?? contact.wa_id, contact);
          contacts.set(contact.wa_id, contact);
        }
        for (const item of value.messages ?? []) events.push(message(business, contacts, item));
        for (const item of value.statuses ?? []) events.push(status(business, contacts, item));
      } else if (field === "history") {
        for (const chunk of value.history) {
          for (const thread of chunk.threads) {
            for (const item of thread.messages) events.push(past(business, thread, item));
          }
        }
      } else {
        const id = `${field}/${entry.time}`;
        events.push({ id, type: "whatsapp.unknown", time: entry.time, data: JSON.stringify({ business, raw: value }) });
      }
    }
  }
  return mailboxes;
}

function customerOf(contact, phone, userId) {
  return {
    user_id: userId ?? contact?.user_id,
    phone: phone ?? contact?.wa_id,
    username: contact?.profile?.username,
    name: contact?.profile?.name,
  };
}

function message(business, contacts, item) {
  const contact = contacts.get(item.from_user_id) ?? contacts.get(item.from);
  const customer = customerOf(contact, item.from, item.from_user_id);
  const { id, type: kind, context, referral, [kind]: content } = item;
  return {
    id,
    type: "whatsapp.message.received",
    subject: customer.user_id ?? customer.phone,
    time: Number(item.timestamp),
    data: JSON.stringify({ business, customer, message: { id, kind, context, referral, [kind]: content } }),
  };
}

function status(business, contacts, item) {
  const contact = contacts.get(item.recipient_user_id) ?? contacts.get(item.recipient_id);
  const customer = customerOf(contact, item.recipient_id, item.recipient_user_id);
  const { id, timestamp, recipient_id, recipient_user_id, ...rest } = item;
  return {
    id: `${id}/${item.status}`,
    type: `whatsapp.status.${item.status}`,
    subject: customer.user_id ?? customer.phone,
    time: Number(timestamp),
    data: JSON.stringify({ business, customer, status: { id, ...rest } }),
  };
}

function past(business, thread, item) {
  const { id, type: kind, history_context, [kind]: content } = item;
  const customer = customerOf(thread.context, thread.id, thread.context?.user_id);
  return {
    id,
    type: "whatsapp.message.received",
    subject: customer.user_id ?? customer.phone,
    time: Number(item.timestamp),
    data: JSON.stringify({ business, customer, message: { id, kind, history_context, [kind]: content } }),
  };
}

/** JSON arrays of rows, none of them much longer than a parameter may be. */
function batches(events) {
  const arrays = [];
  let rows = [];
  let length = 0;
  for (const { id, type, subject, time, data } of events) {
    rows.push([id, type, subject, time, data]);
    length += data.length;
    if (length > PARAMETER / 2) {
      arrays.push(JSON.stringify(rows));
      rows = [];
      length = 0;
    }
  }
  if (rows.length > 0) arrays.push(JSON.stringify(rows));
  return arrays;
}

async function events(c) {
  const signature = claimed(c.req.header("x-hub-signature-256"));
  if (!signature) return c.body(null, 401);
  if (Number(c.req.header("content-length")) > LIMIT) return c.body(null, 413);
  const body = await c.req.arrayBuffer();
  if (body.byteLength > LIMIT) return c.body(null, 413);
  if (!(await verify(c.env.META_APP_SECRET, signature, body))) return c.body(null, 401);
  return split(JSON.parse(new TextDecoder().decode(body)));
}

const app = new Hono();

app.post("/webhook", async (c) => {
  const mailboxes = await events(c);
  if (mailboxes instanceof Response) return mailboxes;
  const calls = [...mailboxes].map(([number, events]) => c.env.MAILBOX.getByName(number).append(batches(events)));
  await Promise.all(calls);
  return c.body(null, 200);
});

// The same without storing, to be measured beside Transom's.
app.post("/bench/normalize", async (c) => {
  const mailboxes = await events(c);
  return mailboxes instanceof Response ? mailboxes : c.body(null, 200);
});

export default app;
