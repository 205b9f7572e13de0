// Uses Swagger UI and ReDoc in a browser. The pages must load everything from the binary, and the
// browser must report no problem.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const account = { email: "ada@example.com", username: "ada", password: "correct horse 7 battery" };

let folder, screenshots, server, origin, browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "daybook-browser-"));
  if (process.env.SCREENSHOTS) screenshots = await mkdtemp(join(tmpdir(), "daybook-screenshots-"));
  await startServer();
  const answer = await fetch(`${origin}/auth/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(account),
  });
  assert.equal(answer.status, 201);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Chromium's sandbox does not run as root, nor in most containers. The browser only loads pages
    // of daybook, so it needs no sandbox.
    chromiumSandbox: false,
    args: [
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-gpu",
      "--disable-quic",
      "--disable-sync",
      "--no-first-run",
    ],
  });
});

after(async () => {
  await browser?.close();
  if (server?.exitCode === null) {
    server.kill("SIGTERM");
    await once(server, "exit");
  }
  await rm(folder, { recursive: true, force: true });
  if (screenshots) console.log(`screenshots are in ${screenshots}`);
});

async function startServer() {
  server = spawn(process.env.DAYBOOK_BIN, {
    cwd: folder,
    // The service does not get the environment of this process.
    env: {
      DATABASE_URL: "sqlite://daybook.db",
      DAYBOOK_ARGON2: "m=19456,t=2,p=1",
      DAYBOOK_BIND: "127.0.0.1:0",
      RUST_LOG: "warn",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(server, "spawn");
  for await (const line of createInterface({ input: server.stdout })) {
    origin = line.match(/^daybook listens on (http:\S+)$/)?.[1];
    if (origin) return;
  }
  assert.fail("daybook ended before it listened");
}

/**
 * Opens a page and runs `act` on it. Fails after a request to another host, an error or a warning.
 */
async function visit(path, act) {
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  const problems = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== origin) problems.push(`request to ${url}`);
  });
  page.on("response", (response) => {
    if (!response.ok()) problems.push(`${response.status()} for ${response.url()}`);
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`script: ${error}`));
  await page.exposeFunction("reportViolation", (what) => problems.push(`policy: ${what}`));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      reportViolation(`${event.effectiveDirective} forbids ${event.blockedURI || event.sample}`),
    );
  });
  try {
    await page.goto(origin + path);
    await act(page);
    await page.waitForLoadState("networkidle");
  } catch (error) {
    // Reports the earlier problems too, because one of them is often the cause.
    problems.push(error.stack);
  }
  if (screenshots) await page.screenshot({ path: join(screenshots, `${path.slice(1)}.png`), fullPage: true });
  await page.close();
  assert.deepEqual(problems, []);
}

test("Swagger UI logs in and makes a request", { timeout: 120_000 }, async () => {
  await visit("/docs", async (page) => {
    await page.getByRole("button", { name: "Authorize" }).click();
    const dialog = page.locator(".dialog-ux");
    await dialog.locator("#oauth_username").fill(account.username);
    await dialog.locator("#oauth_password").fill(account.password);
    await dialog.getByText("Authorize", { exact: true }).click();
    await dialog.getByText("Authorized", { exact: true }).waitFor();
    await dialog.getByText("Logout", { exact: true }).waitFor();
    await dialog.getByText("Close", { exact: true }).click();

    const operation = page.locator("#operations-notes-list_notes");
    await operation.locator(".opblock-summary-control").click();
    await operation.getByRole("button", { name: "Execute" }).click();
    const answer = operation.locator(".live-responses-table tr.response");
    assert.match(await answer.locator(".response-col_status").innerText(), /^200/);
    assert.equal((await answer.locator("pre").first().innerText()).trim(), "[]");
  });
});

test("ReDoc shows every operation", { timeout: 120_000 }, async () => {
  const { paths } = await (await fetch(`${origin}/openapi.json`)).json();
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  const titles = operations.map((operation) => operation.summary);
  assert.ok(titles.length > 0);
  await visit("/redoc", async (page) => {
    await page.locator("h2", { hasText: titles.at(-1) }).waitFor();
    const shown = (await page.locator("h2").allInnerTexts()).map((text) => text.trim());
    assert.deepEqual(titles.filter((title) => !shown.includes(title)), []);
  });
});
