// The page: a picture in, what left the machine and the class out.

const $ = (id) => document.getElementById(id);
const PHASES = { setup: "set-up", offline: "offline", online: "online" };
const DOING = {
  setup: "Agreeing with the server …",
  offline: "Preparing an inference, which does not depend on your picture …",
  online: "Classifying …",
};
/** What is said of a connection that fails; a script is not told why. */
const UNREACHED =
  "The connection to the server could not be opened: it may be closed, or your browser may refuse its " +
  "certificate. Reload this page to see which.";
/** The most bytes of a picture's file. */
const MOST = 64 * 1024 * 1024;

/** The worker that is busy, if one is. */
let worker = null;

$("file").addEventListener("change", () => {
  choose($("file").files[0]);
  // The same file may be chosen again.
  $("file").value = "";
});

for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, () => $("drop").classList.remove("over"));
}
document.addEventListener("drop", (event) => {
  event.preventDefault();
  choose(event.dataTransfer.files[0]);
});

async function choose(file) {
  if (!file || worker) return;
  if (file.size > MOST) return fail(`${file.name} has more than ${MOST >> 20} MiB; make it smaller.`);
  const busy = begin();
  try {
    const bytes = await file.arrayBuffer();
    const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`;
    const model = new URLSearchParams(location.search).get("model") ?? "";
    // One that has failed in the meantime hears nothing.
    busy.postMessage({ url, model, file: bytes }, [bytes]);
  } catch (error) {
    fail(`${file.name} cannot be read: ${error.message}`);
  }
}

function begin() {
  for (const id of ["failure", "answer", "unseen"]) $(id).hidden = true;
  $("costs").replaceChildren();
  clear($("read"));
  clear($("sent"));
  $("form").classList.add("busy");
  $("file").disabled = true;
  $("run").hidden = false;
  $("progress").hidden = false;
  worker = new Worker("worker.js", { type: "module" });
  worker.onmessage = ({ data }) => hear(data);
  // A worker that cannot be loaded has no message.
  worker.onerror = ({ message }) =>
    fail(message ? `The client stopped: ${message}. Reload this page to try again.` : UNREACHED);
  return worker;
}

/** What the worker says. */
function hear({ step, network, image, costs, received, expected, done, failure, unreached }) {
  if (unreached) return fail(UNREACHED);
  if (failure) return fail(failure);
  if (step) say(step);
  if (expected) $("progress").value = Math.min(1, received / expected);
  if (network) {
    worker.network = network;
    $("model").textContent =
      `The server's network is ${network.name}; its public card has the hash ${network.hash}.`;
    $("model").hidden = false;
    draw($("read"), network, image);
    showCosts(network.costs);
  }
  if (costs) showCosts(costs);
  if (done) finish(done);
}

function say(step) {
  $("status").textContent = DOING[step];
  $("progress").value = 0;
}

function finish({ text, masked, costs }) {
  draw($("sent"), worker.network, masked);
  showCosts(costs);
  $("class").textContent = text;
  $("answer").hidden = $("unseen").hidden = false;
  $("status").textContent = `Done: ${text}.`;
  end();
}

function fail(words) {
  $("failure").textContent = words;
  $("failure").hidden = false;
  $("status").textContent = "";
  // What a phase cost is shown as far as it went.
  if (!$("costs").childElementCount) $("run").hidden = true;
  end();
}

function end() {
  worker?.terminate();
  worker = null;
  $("progress").hidden = true;
  $("form").classList.remove("busy");
  $("file").disabled = false;
}

/** A row for each phase that is over. */
function showCosts(costs) {
  const over = Object.keys(PHASES).filter((phase) => costs[phase].seconds > 0);
  const total = over.map((phase) => costs[phase]).reduce(add);
  const rows = over.map((phase) => row(PHASES[phase], costs[phase]));
  $("costs").replaceChildren(...rows, row("all", total));
}

function add(a, b) {
  return Object.fromEntries(Object.keys(a).map((key) => [key, a[key] + b[key]]));
}

function row(name, { seconds, bytes_up, bytes_down, rounds }) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  row.append(head);
  const grouped = (number) => number.toLocaleString("en");
  for (const text of [seconds.toFixed(3), grouped(bytes_up), grouped(bytes_down), grouped(rounds)]) {
    row.insertCell().textContent = text;
  }
  return row;
}

function clear(canvas) {
  canvas.width = canvas.height = 1;
}

/** Draws values of 0 to 255: one channel as grey, three as colours, channel by channel, row by row. */
function draw(canvas, { channels, height, width, bgr }, values) {
  Object.assign(canvas, { width, height });
  const pixels = new ImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) {
      const channel = channels < 3 ? 0 : bgr ? 2 - c : c;
      pixels.data[4 * i + c] = values[channel * plane + i];
    }
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
