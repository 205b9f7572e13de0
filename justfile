# The commands of the project. Each script can also be called directly.

# Lists the recipes
default:
    @just --list

# Serves on http://127.0.0.1:8080, with SQLite in data/
run:
    cargo run

# Runs all tests on SQLite and PostgreSQL
test:
    scripts/test

# Runs all tests with more rounds: 100 of 64 refreshes, 5,000 timed pairs, 100 kills, 400,000 notes
prove:
    DAYBOOK_ROUNDS=100 DAYBOOK_PAIRS=5000 DAYBOOK_KILLS=100 DAYBOOK_NOTES=400000 scripts/test

# Measures reads during logins, streams and deletions, with a release build on an idle machine
pace:
    cargo build --locked --release -p daybook-api
    DAYBOOK_BIN="$PWD/target/release/daybook" DAYBOOK_MEASURE=1 DAYBOOK_NOTES=400000 \
        cargo test --locked -p daybook-api --test api -- --test-threads 1 --nocapture \
        overload:: stream_passes_each_delta_on_at_once delete_account_of_many_notes

# Checks format, lints, documentation and prose
lint:
    scripts/lint

# Checks line widths and discouraged words
prose:
    scripts/prose

# Builds every library crate on its own
alone:
    scripts/alone

# Tests Swagger UI and ReDoc in Chromium
browser:
    scripts/browser

# Fuzzes the running service with its own OpenAPI document
fuzz:
    scripts/fuzz

# Runs daybook behind PgBouncer in transaction mode (needs PgBouncer 1.21 or newer)
pgbouncer:
    cargo build --locked -p daybook-api
    scripts/pgbouncer

# Checks licenses, sources, the dependencies between crates and known vulnerabilities
deny:
    scripts/deny

# Runs everything that CI runs
ci:
    .ci/run
