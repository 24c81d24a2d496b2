// Webhooks that reach a mailbox in one turn of its event loop are appended together: one transaction, one commit, and one
// look at what is to be done next. Nobody waits for company: a turn that brings one webhook appends one.

// How many bytes are enough for one transaction.
const FULL = 64 * 1024;

// A mailbox's `append`. Where a group is not stored as a whole, each of its webhooks is tried alone: one must not cost its
// neighbours.
export function append(webhook) {
  const group = (this.group ??= begun(this));
  group.webhooks.push(webhook);
  group.bytes += webhook.length;
  if (group.bytes >= FULL) this.group = undefined;
  return group.stored.then((stored) => (stored ? undefined : this.appendOne(webhook)));
}

function begun(mailbox) {
  const group = { webhooks: [], bytes: 0 };
  group.stored = scheduler.wait(0).then(() => {
    if (mailbox.group === group) mailbox.group = undefined;
    return mailbox.appendTogether(group.webhooks);
  });
  return group;
}
