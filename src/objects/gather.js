// Webhooks that reach a mailbox while it commits another are appended together: one transaction, one commit, and one
// look at what is to be done next. A webhook that comes alone waits for nothing. The longer a commit takes, the more
// the next one holds.
//
// There is no timer: if the machine's clock is set back, the timers of a living object stand still.

// How many bytes are enough for one transaction.
const FULL = 64 * 1024;

// A mailbox's `append`. If a group cannot be stored as a whole, each of its webhooks is tried alone: a bad one must not
// cost its neighbours.
export function append(webhook) {
  if (this.group === undefined) {
    const appended = this.appendOne(webhook);
    gather(this);
    return appended;
  }
  const { stored, webhooks } = this.group;
  webhooks.push(webhook);
  this.group.bytes += webhook.length;
  if (this.group.bytes >= FULL) close(this);
  const alone = () => this.appendOne(webhook);
  return stored.then((all) => (all ? undefined : alone()), alone);
}

// Begins a group, which is closed when what was written before it is committed, or failed to be.
function gather(mailbox) {
  const group = { webhooks: [], bytes: 0 };
  group.stored = new Promise((settle) => (group.settle = settle));
  mailbox.group = group;
  // After a trap the mailbox is another object, which knows nothing of the group.
  const committed = () => (mailbox.group === group ? close(mailbox) : group.settle(false));
  mailbox.committed().then(committed, committed);
}

function close(mailbox) {
  const { webhooks, settle } = mailbox.group;
  mailbox.group = undefined;
  if (webhooks.length === 0) return;
  settle(new Promise((stored) => stored(mailbox.appendTogether(webhooks))));
  gather(mailbox);
}

// Resolves when all of these have, and fails only when all have ended: once an invocation has its answer, what it still has
// on its way may be stopped, and one mailbox that fails must not cost the others.
export async function allOf(calls) {
  const ended = await Promise.allSettled(calls);
  const failed = ended.find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
}
