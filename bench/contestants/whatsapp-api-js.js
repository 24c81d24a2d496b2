// whatsapp-api-js in its own middleware for Cloudflare, as its documentation has it. It stores nothing, and of a webhook
// it takes the first item of the first change.

import { WhatsAppAPI } from "whatsapp-api-js/middleware/cloudflare";

let whatsapp;

export default {
  async fetch(request, env) {
    if (!whatsapp) {
      whatsapp = new WhatsAppAPI({ token: "unused", appSecret: env.META_APP_SECRET, webhookVerifyToken: "unused" });
      whatsapp.on.message = () => 200;
      whatsapp.on.status = () => 200;
    }
    if (new URL(request.url).pathname === "/webhook" && request.method === "POST") {
      return new Response(null, { status: await whatsapp.handle_post(request) });
    }
    return new Response("Not Found", { status: 404 });
  },
};
