// The page in headless Chromium, against the command: `browser.mjs GAZELLE [FOLDER]`. Screenshots
// are written to the folder, if one is named.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { X509Certificate, createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const [gazelle, folder] = process.argv.slice(2);
const run = promisify(execFile);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const work = mkdtempSync(join(tmpdir(), "gazelle-web-"));
const SAMPLE = "models/samples/0000-ankle-boot.png";
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

/** What must be undone at the end, the last first. */
const undo = [() => rmSync(work, { recursive: true, force: true })];

/** A server, when it listens: its address, and how to end it. */
async function serve(...args) {
  return serve_at("127.0.0.1:0", ...args);
}

async function serve_at(listen, ...args) {
  const child = spawn(gazelle, ["serve", "--web", "--listen", listen, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = () => (child.kill("SIGKILL"), ended);
  undo.push(stop);
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^listening on (.*)$/.exec(line)?.[1];
    if (!address) continue;
    // Whoever reads no more must not stop the server.
    child.stdout.resume();
    return { address, port: address.split(":").at(-1), stop };
  }
  throw new Error("the server ended before it listened");
}

/** A browser of its own, and a page in it at `url`. */
async function open(url, { viewport = DESKTOP, flags = [] } = {}) {
  const context = await chromium.launchPersistentContext(mkdtempSync(join(work, "profile-")), {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    viewport,
    args: [
      ...["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update", ...flags],
    ],
  });
  undo.push(() => context.close());
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(url);
  return { context, page, errors };
}

async function shot(page, name) {
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Chooses a file; the class that is shown, or the words of the failure. */
async function classify(page, file) {
  await page.setInputFiles("#file", file);
  await page.locator("#answer:visible, #failure:visible").first().waitFor({ timeout: 120_000 });
  const failure = await page.locator("#failure").textContent();
  return failure ? { failure } : { text: await page.locator("#class").textContent() };
}

/** Bytes and rounds of the phases, as the page or the command shows them. */
const costs = (rows) => rows.map(([phase, , ...rest]) => [phase, ...rest]);

async function shown(page) {
  const rows = page.locator("#costs tr");
  return (await rows.all()).length
    ? costs(await rows.evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.textContent))))
    : [];
}

async function seconds(page) {
  return page.locator("#costs tr").evaluateAll((all) =>
    Object.fromEntries(all.map(({ cells }) => [cells[0].textContent, Number(cells[1].textContent)])),
  );
}

/** What the command says of a picture at the same server. */
async function command(address, file) {
  const args = ["classify", "--plaintext", "--server", address, file];
  const { stdout } = await run(gazelle, args);
  const [first, , , ...rows] = stdout.trim().split("\n");
  return { text: first.split(": ")[1], costs: costs(rows.map((row) => row.split(/\s{2,}/))) };
}

/** The page tells what the command tells: class, bytes up and down, and round trips, phase by phase. */
async function equals_command(name, model, file, ...args) {
  const server = await serve("--plaintext", "--model", `models/${model}.gazelle`, ...args);
  const { context, page, errors } = await open(`http://${server.address}/`);
  const { text, failure } = await classify(page, file);
  assert.equal(failure, undefined);
  const told = await command(server.address, file);
  assert.equal(text, told.text);
  assert.deepEqual((await shown(page)).slice(0, 3), told.costs);
  assert.deepEqual(errors, []);
  await shot(page, name);
  console.log(name, text, JSON.stringify(await seconds(page)));
  await context.close();
  await server.stop();
}

/** Nothing that axe-core knows is wrong with the page. */
async function accessible(page) {
  // Playwright runs this beside the page, whose policy does not hold for it.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(violations.map(({ id, help, nodes }) => [id, help, nodes.map((n) => n.html)]), []);
}

/** What is drawn as sent is not the picture, and never the same. */
async function drawn(page, id) {
  return page.locator(id).evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [...data].filter((_, i) => i % 4 === 0);
  });
}

async function picture(server) {
  for (const [name, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    const { context, page, errors } = await open(`http://${server.address}/`, { viewport });
    await accessible(page);
    await shot(page, `${name}-empty`);
    assert.deepEqual(await classify(page, SAMPLE), { text: "Ankle boot" });
    assert.match(await page.locator("#unseen").textContent(), /saw none of this/);
    await accessible(page);
    await shot(page, `${name}-done`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= viewport.width, `the page is ${wide} pixels wide`);
    const table = await page.locator(".scroll").evaluate(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth]);
    assert.ok(table[0] <= table[1], `of the table's ${table[0]} pixels ${table[1]} are seen`);
    // What is read is the file, bit for bit; what is sent is uniform: no value far more frequent.
    const [read, sent] = [await drawn(page, "#read"), await drawn(page, "#sent")];
    assert.equal(read.length, 28 * 28);
    assert.equal(new Set(read).size > 20, true);
    const most = Math.max(...[...new Set(sent)].map((value) => sent.filter((other) => other === value).length));
    assert.ok(sent.length === 28 * 28 && most < 20, `a value comes ${most} times`);
    assert.deepEqual(await classify(page, SAMPLE), { text: "Ankle boot" });
    assert.deepEqual(await drawn(page, "#read"), read);
    assert.notDeepEqual(await drawn(page, "#sent"), sent);
    // Pictures that are none, or not the network's.
    const { failure } = await classify(page, { name: "a.png", mimeType: "image/png", buffer: Buffer.from("GIF89a") });
    assert.match(failure, /not a PNG or JPEG image/);
    assert.deepEqual(errors, []);
    await shot(page, `${name}-wrong-picture`);
    await context.close();
  }
}

/** From the address bar to the class by the keyboard alone. */
async function keyboard(server) {
  const { context, page } = await open(`http://${server.address}/`);
  // Whoever listens only when the key is pressed may be too late.
  page.on("filechooser", () => {});
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "file");
  const outline = await page.locator("#drop").evaluate((drop) => getComputedStyle(drop).outlineStyle);
  assert.equal(outline, "solid");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
  await chooser.setFiles(SAMPLE);
  await page.locator("#answer:visible").waitFor();
  for (let i = 0; i < 3 && (await page.evaluate(() => document.activeElement.tagName)) !== "SUMMARY"; i++) {
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("details").evaluate((details) => details.open), true);
  await context.close();
}

/** A picture that is dropped on the page. */
async function dropped(server) {
  const { context, page } = await open(`http://${server.address}/`);
  const bytes = [...readFileSync(SAMPLE)];
  await page.evaluate((bytes) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(bytes)], "boot.png", { type: "image/png" }));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }, bytes);
  await page.locator("#answer:visible").waitFor();
  assert.equal(await page.locator("#class").textContent(), "Ankle boot");
  await context.close();
}

/** A server that is gone by the time a picture is chosen. */
async function closed() {
  const server = await serve("--plaintext", "--model", "models/fashion-mnist-d.gazelle");
  const { context, page } = await open(`http://${server.address}/`);
  assert.deepEqual(await classify(page, SAMPLE), { text: "Ankle boot" });
  await server.stop();
  const { failure } = await classify(page, SAMPLE);
  assert.match(failure, /could not be opened: it may be closed/);
  await shot(page, "closed");
  await context.close();
}

/** The hash of a certificate's public key, as Chromium is told of those that it is to believe. */
function key_hash(file) {
  const key = new X509Certificate(readFileSync(file)).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}

/** Over TLS: a page of a server that the browser believes, another certificate at the same address, and a
 * client that the server does not know. */
async function certificates() {
  const keys = (name) => join(work, name);
  for (const name of ["first", "second"]) {
    await run(gazelle, ["keygen", keys(name), "--server", "localhost", "--token", "bob"]);
  }
  const tls = (listen, name, ...args) =>
    serve_at(listen, "--model", "models/fashion-mnist-d.gazelle", "--tls", join(keys(name), "server"), ...args);
  const flags = [`--ignore-certificate-errors-spki-list=${key_hash(join(keys("first"), "server/tls.crt"))}`];
  const first = await tls("127.0.0.1:0", "first", "--anyone");
  const { context, page, errors } = await open(`https://localhost:${first.port}/`, { flags });
  assert.deepEqual(await classify(page, SAMPLE), { text: "Ankle boot" });
  assert.deepEqual(errors, []);
  await first.stop();
  await tls(`127.0.0.1:${first.port}`, "second", "--anyone");
  const { failure } = await classify(page, SAMPLE);
  assert.match(failure, /your browser may refuse its certificate/);
  await shot(page, "refused-certificate");
  await context.close();
  const known = await tls("127.0.0.1:0", "first");
  const stranger = await open(`https://localhost:${known.port}/`, { flags });
  const refused = await classify(stranger.page, SAMPLE);
  assert.match(refused.failure, /^the peer refused: /);
  await shot(stranger.page, "refused-client");
  await stranger.context.close();
}

try {
  await equals_command("garbled", "fashion-mnist-d", SAMPLE, "--engine", "garbled");
  await equals_command("masks", "fashion-mnist-d", SAMPLE, "--engine", "masks");
  await equals_command("resnet20", "fashion-mnist-resnet20", SAMPLE, "--engine", "masks");
  const server = await serve("--plaintext", "--model", "models/fashion-mnist-d.gazelle");
  await picture(server);
  await keyboard(server);
  await dropped(server);
  await closed();
  await certificates();
  console.log("passed");
} finally {
  for (const step of undo.reverse()) await step();
}
