// The client, away from the page's own thread: one session with the server for one picture.

import init, { Client } from "./gazelle_web.js";

const ready = init();

/** The fault of a connection that does not come to be; a script is not told why. */
const UNREACHED = Symbol("unreached");

onmessage = async ({ data: { url, model, file } }) => {
  try {
    await ready;
    postMessage({ done: await classify(url, model, new Uint8Array(file)) });
  } catch (error) {
    if (error === UNREACHED) return postMessage({ unreached: true });
    postMessage({ failure: error instanceof Error ? error.message : String(error) });
  }
};

async function classify(url, model, file) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const client = new Client(new URL(url).host, (bytes) => socket.send(bytes), progress());
  socket.onmessage = ({ data }) => client.receive(new Uint8Array(data));
  try {
    await opened(socket);
    socket.onclose = () => client.lose();
    const step = (name) => postMessage({ step: name });
    step("setup");
    const network = JSON.parse(await client.connect(model));
    const image = client.choose(file);
    postMessage({ network, image });
    step("offline");
    const costs = JSON.parse(await client.prepare());
    postMessage({ costs });
    step("online");
    const learnt = JSON.parse(await client.classify());
    client.close();
    return learnt;
  } finally {
    socket.close();
  }
}

/** Waits until a socket is open. */
function opened(socket) {
  return new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onclose = () => reject(UNREACHED);
  });
}

/** What tells the page how far a phase has come, a few times a second. */
function progress() {
  let last = 0;
  return (received, expected) => {
    const now = performance.now();
    if (now - last < 50) return;
    last = now;
    postMessage({ received, expected });
  };
}
