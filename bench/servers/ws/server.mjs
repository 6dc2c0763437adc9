// `ws` as its README shows a broadcast: one Buffer of the message for all clients, sent as text, no compression.
import { createClient } from "@redis/client";
import WebSocket, { WebSocketServer } from "ws";

const { REDIS_URL, CHANNEL } = process.env;
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096, perMessageDeflate: false });
const redis = createClient({ url: REDIS_URL });

server.on("connection", (client) => {
  client.on("error", console.error);
  client.on("message", () => {});
});

await redis.connect();
await redis.subscribe(CHANNEL, (message) => {
  for (const client of server.clients) {
    if (client.readyState === WebSocket.OPEN) client.send(message, { binary: false });
  }
}, true);
if (!server.address()) await new Promise((resolve) => server.once("listening", resolve));
console.log(`listening on 127.0.0.1:${server.address().port}`);
