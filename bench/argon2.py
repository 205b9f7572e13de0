#!/usr/bin/env python3
"""Measures Argon2 in C (argon2-cffi) with daybook's default parameters.

Prints the hashes per second on one and on two threads.

    python3 -m venv target/bench-venv && target/bench-venv/bin/pip install argon2-cffi
    target/bench-venv/bin/python bench/argon2.py

Compare the figures with `cargo bench -p daybook-bench --bench hash`.
"""
import threading
import time

from argon2.low_level import Type, hash_secret_raw

SECONDS = 10


def work(until, done):
    while time.monotonic() < until:
        hash_secret_raw(b"passw0rd-bench", b"somesaltsomesalt", 3, 65536, 4, 32, Type.ID)
        done.append(1)


for count in (1, 2):
    done, start = [], time.monotonic()
    threads = [threading.Thread(target=work, args=(start + SECONDS, done)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{count} threads: {len(done) / (time.monotonic() - start):.2f} hashes/s")
