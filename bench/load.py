#!/usr/bin/env python3
"""Measures how the cost of a request grows.

    cargo build --release -p daybook-api
    bench/load.py [--only clients,rows,processes,size,slow,writes] [--seconds 4] [--rounds 3]

There are six measurements: by the number of clients, the number of notes in the table, the number of
server processes, the size of a note, beside a slow query, and of writes. To compare two binaries, run
the script with --binary for each of them in turn. The script starts daybook on SQLite and
on a PostgreSQL server of its own, loads it with wrk, and prints a Markdown table for each measurement.
Each figure is the median of the rounds.

Needs wrk and PostgreSQL (Debian: apt-get install wrk postgresql). All servers listen on 127.0.0.1
and are stopped at the end.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECRET = "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6"
PASSWORD = "passw0rd-bench"
SMALL = "The quick brown fox jumps over the lazy dog. " * 7


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(method, url, body=None, form=None, token=None):
    headers, data = {}, None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        raw = answer.read()
        return json.loads(raw) if raw else None


class Postgres:
    """A new PostgreSQL server. It does not run as root, so root starts it as the user postgres."""

    def __init__(self, folder):
        bins = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        self.bin = bins[-1] if bins else pathlib.Path(shutil.which("initdb") or "initdb").parent
        self.folder, self.port = folder / "pg", free_port()
        self.folder.mkdir()
        if os.geteuid() == 0:
            folder.chmod(0o755)
            shutil.chown(self.folder, "postgres")
        self.run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", "postgres")
        data, log = self.folder / "data", self.folder / "log"
        options = f"-p {self.port} -k {self.folder} -h 127.0.0.1"
        options += " -c shared_buffers=512MB -c max_connections=200"
        self.run("pg_ctl", "-w", "-D", data, "-o", options, "-l", log, "start")

    def run(self, program, *arguments):
        command = [str(self.bin / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def psql(self, database, statement):
        command = [str(self.bin / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-qAtX"]
        command += ["-d", database, "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def stop(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")


class Service:
    """A running daybook."""

    def __init__(self, binary, folder, database_url, workers=2):
        self.url = f"http://127.0.0.1:{free_port()}"
        env = {
            "DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, "DAYBOOK_BIND": self.url[7:],
            "DAYBOOK_WORKERS": str(workers), "DAYBOOK_RATE_LIMIT": "off", "RUST_LOG": "error",
        }
        self.process = subprocess.Popen([binary], env=env, cwd=folder, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def account(self, notes=50, content=SMALL):
        """Registers the account if it is missing, logs in and creates notes. Returns the access token."""
        with contextlib.suppress(urllib.error.HTTPError):
            user = {"email": "bench@example.com", "username": "bench", "password": PASSWORD}
            call("POST", self.url + "/auth/register", body=user)
        login = call("POST", self.url + "/auth/login", form={"username": "bench", "password": PASSWORD})
        token = login["access_token"]
        for number in range(notes):
            note = {"title": f"note {number}", "content": content}
            call("POST", self.url + "/notes", body=note, token=token)
        return token

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def wrk(url, token, clients, seconds, script=None):
    """Loads the URL. Returns the requests per second, and the 50th and 99th percentile in milliseconds."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
    command += ["-H", f"Authorization: Bearer {token}", *(["-s", script] if script else []), url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(f"requests failed:\n{out}")
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}

    def percentile(p):
        value, unit_name = re.search(rf"^\s+{p}%\s+([\d.]+)(us|ms|s)", out, re.M).groups()
        return float(value) * unit[unit_name]

    return float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1)), percentile(50), percentile(99)


def median(args, measure):
    """Measures several times. Returns the median of each figure."""
    return [statistics.median(column) for column in zip(*(measure() for _ in range(args.rounds)))]


def table(title, header, rows):
    print(f"\n### {title}\n\n| {' | '.join(header)} |\n|{' --- |' * len(header)}")
    for row in rows:
        cells = (f"{cell:,.2f}" if isinstance(cell, float) else str(cell) for cell in row)
        print("| " + " | ".join(cells) + " |")
    print(flush=True)


@contextlib.contextmanager
def service(args, kind, postgres, name, workers=2):
    """Starts daybook on a new database. Yields the service and the URL of the database."""
    with tempfile.TemporaryDirectory(prefix="daybook-load-") as folder:
        if kind == "postgres":
            postgres.psql("postgres", f"CREATE DATABASE {name}")
            url = f"postgres://postgres@127.0.0.1:{postgres.port}/{name}"
        else:
            url = f"sqlite://{folder}/day.db"
        running = Service(args.binary, folder, url, workers)
        try:
            yield running, url
        finally:
            running.stop()


def clients(args, kind, postgres):
    rows = []
    with service(args, kind, postgres, "clients") as (running, _):
        token = running.account()
        for count in (1, 4, 16, 32, 64, 128, 256):
            rate, p50, p99 = median(args, lambda: wrk(running.url + "/notes", token, count, args.seconds))
            rows.append((count, rate, p50, p99, p99 / p50))
    table(f"GET /notes by clients, {kind}", ("clients", "requests/s", "p50 ms", "p99 ms", "p99/p50"), rows)


def rows(args, kind, postgres):
    """Reads an account with fifty notes, in a table with a growing number of other accounts' notes."""
    results = []
    for total in (50, 10_000, 1_000_000):
        with service(args, kind, postgres, f"rows_{total}") as (running, url):
            running.account(0)
            fill(kind, postgres, url, total - 50)
            token = running.account()
            page, p50, p99 = median(args, lambda: wrk(running.url + "/notes", token, 32, args.seconds))
            note = call("GET", running.url + "/notes", token=token)[7]["id"]
            one, *_ = median(args, lambda: wrk(f"{running.url}/notes/{note}", token, 32, args.seconds))
            results.append((f"{total:,}", page, p50, p99, one))
    header = ("notes", "GET /notes, requests/s", "p50 ms", "p99 ms", "GET /notes/{id}, requests/s")
    table(f"by notes in the table, {kind}", header, results)


def fill(kind, postgres, url, count):
    """Creates `count` notes that belong to a hundred other accounts."""
    if count <= 0:
        return
    users = (
        "users (email, email_key, username, username_key, password_hash,"
        " password_changed_at, created_at, updated_at)"
    )
    notes = "notes (user_id, title, content, created_at, updated_at)"
    if kind == "postgres":
        name = url.rsplit("/", 1)[1]
        statements = (
            f"INSERT INTO {users} SELECT 'p'||n, 'p'||n, 'p'||n, 'p'||n, '', now(), now(), now()"
            " FROM generate_series(1, 100) n",
            f"INSERT INTO {notes} SELECT 2 + n % 100, 'note', '{SMALL}', now(), now()"
            f" FROM generate_series(1, {count}) n",
            "VACUUM ANALYZE",
        )
        for statement in statements:
            postgres.psql(name, statement)
        return
    with sqlite3.connect(url.removeprefix("sqlite://"), timeout=60) as database:
        names = ((f"p{n}",) for n in range(100))
        database.executemany(f"INSERT INTO {users} VALUES (?1, ?1, ?1, ?1, '', 0, 0, 0)", names)
        values = ((2 + n % 100, SMALL) for n in range(count))
        database.executemany(f"INSERT INTO {notes} VALUES (?, 'note', ?, 0, 0)", values)


def processes(args, _, postgres):
    results = []
    for count in (1, 2, 4):
        name = f"processes_{count}"
        postgres.psql("postgres", f"CREATE DATABASE {name}")
        url = f"postgres://postgres@127.0.0.1:{postgres.port}/{name}"
        with tempfile.TemporaryDirectory(prefix="daybook-load-") as folder:
            running = [Service(args.binary, folder, url, 2) for _ in range(count)]
            try:
                token = running[0].account()

                def measure():
                    found = [None] * count

                    def load(index):
                        found[index] = wrk(running[index].url + "/notes", token, 32 // count, args.seconds)

                    threads = [threading.Thread(target=load, args=(index,)) for index in range(count)]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
                    rates, p50s, p99s = zip(*found)
                    return sum(rates), statistics.median(p50s), max(p99s)

                results.append((count, *median(args, measure)))
            finally:
                for process in running:
                    process.stop()
    title = "GET /notes by server processes on one PostgreSQL, 32 clients in all"
    table(title, ("processes", "requests/s", "p50 ms", "p99 ms"), results)


def size(args, kind, postgres):
    results = []
    for name, content in (("0.3 kB", SMALL), ("100 kB", (SMALL * 400)[:100_000])):
        with service(args, kind, postgres, f"size_{len(content)}") as (running, _):
            token = running.account(content=content)
            note = call("GET", running.url + "/notes", token=token)[7]["id"]
            page, page_p50, _ = median(args, lambda: wrk(running.url + "/notes", token, 32, args.seconds))
            note_url = f"{running.url}/notes/{note}"
            one, one_p50, _ = median(args, lambda: wrk(note_url, token, 32, args.seconds))
            results.append((name, page, page_p50, one, one_p50))
    header = ("note", "GET /notes, requests/s", "p50 ms", "GET /notes/{id}, requests/s", "p50 ms")
    table(f"by the size of a note, {kind}", header, results)


def slow(args, kind, postgres):
    """Reads while another client changes its account in a loop. A lock delays each change by 200 ms."""
    results = []
    with service(args, kind, postgres, "slow") as (running, url):
        token = running.account()
        for beside in (False, True):
            stop = threading.Event()
            threads = [threading.Thread(target=hold, args=(kind, postgres, url, stop)),
                       threading.Thread(target=change, args=(running.url, token, stop))] if beside else []
            for thread in threads:
                thread.start()
            rate, p50, p99 = median(args, lambda: wrk(running.url + "/notes", token, 32, args.seconds))
            stop.set()
            for thread in threads:
                thread.join()
            results.append(("a change that takes 200 ms, in a loop" if beside else "nothing", rate, p50, p99))
    table(f"GET /notes beside a slow query, {kind}", ("beside", "requests/s", "p50 ms", "p99 ms"), results)


def hold(kind, postgres, url, stop):
    """Locks the account's row, or the SQLite file, for 200 ms in a loop."""
    lock = "BEGIN; SELECT 1 FROM users WHERE id = 1 FOR UPDATE; SELECT pg_sleep(0.2); COMMIT"
    while not stop.is_set():
        if kind == "postgres":
            postgres.psql(url.rsplit("/", 1)[1], lock)
        else:
            database = sqlite3.connect(url.removeprefix("sqlite://"), timeout=60, isolation_level=None)
            database.execute("BEGIN IMMEDIATE")
            time.sleep(0.2)
            database.execute("COMMIT")
            database.close()
            # SQLite has no queue for its lock. Without a pause, this loop would starve the service.
            time.sleep(0.05)


def change(url, token, stop):
    """Changes the account in a loop."""
    while not stop.is_set():
        call("PATCH", url + "/users/me", body={"username": "bench"}, token=token)


def writes(args, kind, postgres):
    """Creates notes, and changes one of fifty notes at random."""
    results = []
    lua = 'wrk.headers["Content-Type"] = "application/json"\nwrk.method, wrk.body = "{}", [[{}]]\n'
    change = lua.format("PATCH", json.dumps({"content": SMALL}))
    change += 'request = function() return wrk.format(nil, "/notes/" .. math.random(50)) end\n'
    create = lua.format("POST", json.dumps({"title": "new", "content": SMALL}))
    for name, script in (("PATCH /notes/{id}", change), ("POST /notes", create)):
        with service(args, kind, postgres, f"writes_{len(results)}") as (running, _), \
                tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            token = running.account()
            file.write(script)
            file.flush()
            measured = median(args, lambda: wrk(running.url + "/notes", token, 32, args.seconds, file.name))
            results.append((name, *measured))
    table(f"writes, 32 clients, {kind}", ("work", "requests/s", "p50 ms", "p99 ms"), results)


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--binary", default=str(ROOT / "target/release/daybook"))
    parser.add_argument("--only", default="clients,rows,processes,size,slow,writes")
    parser.add_argument("--databases", default="sqlite,postgres")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    args.binary = str(pathlib.Path(args.binary).resolve())
    measurements = {"clients": clients, "rows": rows, "processes": processes, "size": size, "slow": slow,
                    "writes": writes}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="daybook-load-"))
    postgres = Postgres(folder)
    try:
        for name in args.only.split(","):
            for kind in ["postgres"] if name == "processes" else args.databases.split(","):
                measurements[name](args, kind, postgres)
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
