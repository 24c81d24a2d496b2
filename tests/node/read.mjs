// Reads one request as a backend would that is written with the libraries of npm: what stands on the standard input
// is {secret, headers, body}, what is printed is the event. It fails where the signature or the event is not good.
import { readFileSync } from "node:fs";
import { HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";

const { secret, headers, body } = JSON.parse(readFileSync(0, "utf8"));
new Webhook(secret).verify(body, headers);
const event = HTTP.toEvent({ headers, body });
event.validate();
process.stdout.write(JSON.stringify(event));
